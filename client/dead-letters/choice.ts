import { WrongOption } from '../errors.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { Chosen } from './options.ts';

export interface Choice {
  /** By ids. */
  readonly isNamed: boolean;
  takes(letter: DeadLetter): boolean;
  /** Whether it was named. */
  names(letter: DeadLetter): boolean;
  /** Nothing more can be found. */
  isComplete(): boolean;
  /** Ids of which none was found. */
  missing(): string[];
}

/** Throws `WrongOption` if nothing says which, or two things do. */
export function chooser({ ids = [], reason, all = false }: Chosen): Choice {
  if (ids.length === 0 && reason === undefined && !all) {
    throw new WrongOption(
      'Which dead letters? Name them by their ids or by their reason, or say all (--all).',
    );
  }
  if (ids.length > 0 && (all || reason !== undefined)) {
    throw new WrongOption('Dead letters are named by their ids or chosen by something else, not both.');
  }
  if (all && reason !== undefined) {
    throw new WrongOption('All dead letters are meant (--all), or those of a reason (--reason): not both.');
  }
  const unseen = new Set(ids);
  const wanted = new Set(ids);
  const names = ({ id, messageId }: DeadLetter) => wanted.has(id) || wanted.has(messageId);
  return {
    isNamed: ids.length > 0,
    names,
    takes(letter) {
      if (ids.length === 0) return matches(letter, reason);
      if (!names(letter)) return false;
      unseen.delete(letter.id);
      unseen.delete(letter.messageId);
      return true;
    },
    isComplete: () => ids.length > 0 && unseen.size === 0,
    missing: () => [...unseen],
  };
}

/** Whether the reason has this in it; without one, all do. */
export function matches(letter: DeadLetter, reason: string | undefined): boolean {
  if (reason === undefined) return true;
  return (letter.reason ?? '').toLowerCase().includes(reason.toLowerCase());
}
