import type { Command } from 'commander';
import { chooser } from '../../../client/dead-letters/choice.ts';
import type { Chosen } from '../../../client/dead-letters/options.ts';
import { say } from '../../terminal/say.ts';
import { someIds } from '../values.ts';

/** Which dead letters a verb is for: the same words for all that changes them. */
export interface ChoiceOptions {
  all?: true;
  reason?: string;
}

/** Gives a command the ways to say which dead letters are meant. */
export function withChoice(command: Command): Command {
  return command
    .usage('[options] <ids...> | --all | --reason <text>')
    .argument('[ids...]', 'jobs, or messages', someIds)
    .option('--all', 'all there are')
    .option('--reason <text>', 'all whose reason has this in it');
}

/** @throws WrongOption if nothing says which, or two things do */
export function choiceOf(ids: string[], { all, reason }: ChoiceOptions): Chosen {
  const choice = { ids, ...(all !== undefined && { all }), ...(reason !== undefined && { reason }) };
  chooser(choice);
  return choice;
}

/** Says that there are some that somebody else holds: nothing was done with them. */
export function sayUnseen(unseen: number): void {
  if (unseen === 0) return;
  const more = `about ${unseen} more ${unseen === 1 ? 'is' : 'are'} there`;
  say(`${more}, which somebody else looks at just now: run it again in a few minutes.`);
}

/** What is said of an id of which no dead letter was found. */
export const notThere = (id: string) => `${id} is not there, or somebody else looks at it just now.`;
