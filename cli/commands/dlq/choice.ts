import type { Command } from 'commander';
import type { DeadLetterSelection } from '../../../client/dead-letters/options.ts';
import { createSelector } from '../../../client/dead-letters/selection.ts';
import { parseIds } from '../../options/values.ts';
import { say } from '../../terminal/say.ts';

/** How a command line chooses dead letters. `redrive` and `purge` have the same options. */
export interface ChoiceOptions {
  all?: true;
  reason?: string;
}

/** Adds the arguments and options that choose dead letters. */
export function addChoiceOptions(command: Command): Command {
  return command
    .usage('[options] <ids...> | --all | --reason <text>')
    .argument('[ids...]', 'ids of jobs or of messages', parseIds)
    .option('--all', 'all dead letters')
    .option('--reason <text>', 'all whose reason contains this text');
}

/** @throws WrongOptionError unless exactly one of ids, `--all` and `--reason` is given */
export function checkedChoice(ids: string[], { all, reason }: ChoiceOptions): DeadLetterSelection {
  const choice = { ids, ...(all !== undefined && { all }), ...(reason !== undefined && { reason }) };
  createSelector(choice);
  return choice;
}

/** Says how many dead letters were skipped, because another reader had received them. */
export function reportSkipped(remaining: number): void {
  if (remaining === 0) return;
  const more = remaining === 1 ? 'about 1 more dead letter was' : `about ${remaining} more dead letters were`;
  say(`${more} skipped, because somebody else is looking at the queue: run it again in a few minutes.`);
}

/** The message for an id of which no dead letter was found. */
export const notFoundMessage = (id: string) =>
  `${id} was not found: there is no such dead letter, or somebody else is looking at it now.`;
