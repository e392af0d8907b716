import { randomUUID } from 'node:crypto';
import type { CloudContext } from '../../front-door/service.ts';
import { validationError } from '../errors.ts';
import type { ResolutionSource } from './evaluate.ts';
import type { Stack, StackResource } from './stack.ts';

/** Every stack of the account, by id. Deleted ones stay, as AWS keeps them for 90 days. */
export interface StackAccount {
  context: CloudContext;
  stacks: Map<string, Stack>;
  /** Aborted when the cloud closes, which cancels operations in progress. */
  closing: AbortController;
}

/** The stack of that name that is not deleted, or any stack of that id. */
export function findStack(account: StackAccount, nameOrId: string): Stack | undefined {
  const byId = account.stacks.get(nameOrId);
  if (byId) return byId;
  return [...account.stacks.values()].find((stack) => stack.name === nameOrId && isLive(stack));
}

export function requireStack(account: StackAccount, nameOrId: string): Stack {
  const stack = findStack(account, nameOrId);
  if (!stack) throw validationError(`Stack with id ${nameOrId} does not exist`);
  return stack;
}

export function isLive(stack: Stack): boolean {
  return stack.status !== 'DELETE_COMPLETE';
}

export function addStack(account: StackAccount, name: string, settings: Partial<Stack>): Stack {
  const { clock, region, accountId } = account.context;
  const stack: Stack = {
    name,
    id: `arn:aws:cloudformation:${region}:${accountId}:stack/${name}/${randomUUID()}`,
    status: 'REVIEW_IN_PROGRESS',
    createdAtMs: clock.now(),
    resources: new Map(),
    retired: [],
    outputs: [],
    imports: new Set(),
    events: [],
    changeSets: new Map(),
    terminationProtection: false,
    disableRollback: false,
    ...settings,
  };
  account.stacks.set(stack.id, stack);
  return stack;
}

/** Every export of the account, with its stack. */
export function listExports(account: StackAccount): { stack: Stack; name: string; value: string }[] {
  return [...account.stacks.values()].filter(isLive).flatMap((stack) =>
    stack.outputs.flatMap(({ ExportName, OutputValue }) => {
      return ExportName === undefined ? [] : [{ stack, name: ExportName, value: OutputValue }];
    }),
  );
}

/** Names of the stacks, deleted ones aside, that import this export. */
export function listImporters(account: StackAccount, exportName: string): string[] {
  const importers = [...account.stacks.values()].filter(
    (stack) => isLive(stack) && stack.imports.has(exportName),
  );
  return importers.map((stack) => stack.name);
}

/** What a stack's values are resolved against. Adds the names of imported exports to `imports`. */
export function createResolutionSource(
  account: StackAccount,
  stack: Pick<Stack, 'name' | 'id'>,
  resource: (logicalId: string) => StackResource | undefined,
  imports?: Set<string>,
): ResolutionSource {
  return {
    stackName: stack.name,
    stackId: stack.id,
    accountId: account.context.accountId,
    region: account.context.region,
    resource(logicalId) {
      const { physicalId, attributes } = resource(logicalId) ?? {};
      return physicalId === undefined || attributes === undefined ? undefined : { physicalId, attributes };
    },
    exported(name) {
      const found = listExports(account).find((one) => one.name === name);
      if (found) imports?.add(name);
      return found?.value;
    },
  };
}
