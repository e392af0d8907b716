import { validationError } from '../errors.ts';
import { listExports, listImporters, type StackAccount } from './account.ts';
import type { Stack, StackOutput } from './stack.ts';

/**
 * Refuses outputs that would delete or change an export that another stack imports, or whose export name another stack
 * has ("Get exported outputs from a deployed CloudFormation stack").
 */
export function refuseExports(account: StackAccount, stack: Stack, next: StackOutput[]): void {
  for (const { ExportName, OutputValue } of stack.outputs) {
    if (ExportName === undefined) continue;
    const kept = next.find((output) => output.ExportName === ExportName);
    if (kept?.OutputValue === OutputValue) continue;
    const reason = inUse(account, ExportName, kept ? 'updated' : 'deleted');
    if (reason !== undefined) throw validationError(reason);
  }
  const foreign = listExports(account).filter((one) => one.stack !== stack);
  for (const { ExportName } of next) {
    const owner = foreign.find(({ name }) => name === ExportName)?.stack;
    if (!owner) continue;
    throw validationError(
      `Export with name ${ExportName} is already exported by stack ${owner.name}. Duplicate exports are not allowed`,
    );
  }
}

/** Why the stack cannot be deleted, if another one imports from it. */
export function exportsInUse(account: StackAccount, stack: Stack): string | undefined {
  const own = listExports(account).filter((one) => one.stack === stack);
  return own.map(({ name }) => inUse(account, name, 'deleted')).find((reason) => reason !== undefined);
}

const list = new Intl.ListFormat('en');

function inUse(account: StackAccount, exportName: string, verb: string): string | undefined {
  const importers = listImporters(account, exportName);
  if (importers.length === 0) return undefined;
  return `Export ${exportName} cannot be ${verb} as it is in use by ${list.format(importers)}`;
}
