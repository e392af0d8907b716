import { text } from 'node:stream/consumers';
import { CliError } from '../error.ts';

/** Ids of jobs, from the arguments and, for `-`, from standard input, one a line. */
export interface JobIdInput {
  ids: string[];
  /** Whether there is one id, as an argument: then the JSON output is an object. */
  single: boolean;
}

/** @throws CliError if there are no ids */
export async function readJobIds(args: readonly string[]): Promise<JobIdInput> {
  if (!args.includes('-')) return { ids: [...args], single: args.length === 1 };
  const fromStdin = (await text(process.stdin)).split(/\s+/).filter((id) => id !== '');
  const ids = args.flatMap((arg) => (arg === '-' ? fromStdin : [arg]));
  if (ids.length === 0) throw new CliError('Standard input contains no ids of jobs.');
  return { ids, single: false };
}
