import { createReadStream } from 'node:fs';
import { readInventory } from '../../../client/requests/inventory.ts';
import { type Candidates, listTargets, type TargetList } from '../../../client/requests/target-list.ts';
import { readTargets } from '../../../client/requests/targets.ts';
import { CliError } from '../../error.ts';
import { escapeText } from '../../terminal/escape.ts';
import { say } from '../../terminal/say.ts';

/** The options that say which targets a request has. */
export interface TargetOptions {
  /** A file with a target a line. `-`: standard input. */
  targets?: string;
  /** What Ansible's `-i` takes. */
  inventory?: string;
  limit?: string;
  group?: string;
  /** Names of variables, with commas. */
  groupBy?: string;
  /** Template of the bodies. */
  body?: string;
}

/** What is wrong with how the options are combined. Undefined: nothing. */
export function findUsageProblem({
  targets,
  inventory,
  limit,
  group,
  groupBy,
}: TargetOptions): string | undefined {
  if ((targets === undefined) === (inventory === undefined)) {
    return 'Give exactly one of these: --targets <file>, --targets - for standard input, or --inventory <path>.';
  }
  if (limit !== undefined && inventory === undefined) return '--limit needs --inventory.';
  if (group !== undefined && groupBy !== undefined) return 'Give --group or --group-by, not both.';
  return undefined;
}

/**
 * Reads the targets of a request and puts them into groups. Says what Ansible warns of.
 *
 * @param options without a usage problem
 * @param environment what Ansible gets
 */
export async function readTargetList(
  options: TargetOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<TargetList> {
  const { group, groupBy, body } = options;
  return listTargets(await readCandidates(options, environment), {
    ...(group !== undefined && { group }),
    ...(groupBy !== undefined && { groupBy: groupBy.split(',').map((name) => name.trim()) }),
    ...(body !== undefined && { body }),
  });
}

async function readCandidates(
  { targets, inventory, limit }: TargetOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Candidates> {
  if (inventory === undefined) return readTargetsFile(targets ?? '-');
  const read = await readInventory(inventory, { environment, ...(limit !== undefined && { limit }) });
  for (const warning of read.warnings) say(escapeText(`Ansible: ${warning}`));
  return read;
}

async function readTargetsFile(path: string): Promise<Candidates> {
  const name = path === '-' ? 'standard input' : path;
  const chunks: AsyncIterable<Uint8Array> = path === '-' ? process.stdin : createReadStream(path);
  try {
    return await readTargets(chunks, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new CliError(`${escapeText(name)} cannot be read (${error.message}).`);
  }
}
