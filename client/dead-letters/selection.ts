import { WrongOptionError } from '../errors.ts';
import type { DeadLetterSelection } from './options.ts';
import type { DeadLetter } from './parse.ts';

/** Selects the dead letters that the options ask for. */
export interface DeadLetterSelector {
  /** The options have ids. */
  readonly hasIds: boolean;
  /** Whether the dead letter is selected. Notes that its id was found. */
  selects(deadLetter: DeadLetter): boolean;
  /** Whether the options name the dead letter by an id. */
  includesId(deadLetter: DeadLetter): boolean;
  /** All ids of the options were found. */
  isComplete(): boolean;
  /** Ids of the options for which no dead letter was found. */
  missing(): string[];
}

/** Throws `WrongOptionError` unless the options have exactly one of ids, reason and all. */
export function createSelector({ ids = [], reason, all = false }: DeadLetterSelection): DeadLetterSelector {
  if (ids.length === 0 && reason === undefined && !all) {
    throw new WrongOptionError(
      'No dead letters are selected. Name their ids, or a reason (--reason), or all (--all).',
    );
  }
  if (ids.length > 0 && (all || reason !== undefined)) {
    throw new WrongOptionError(
      'Dead letters are selected by ids, or by a reason (--reason), or all (--all): not by two of these.',
    );
  }
  if (all && reason !== undefined) {
    throw new WrongOptionError(
      'Dead letters are selected by a reason (--reason), or all (--all): not by both.',
    );
  }
  const notFound = new Set(ids);
  const wanted = new Set(ids);
  const names = ({ id, messageId }: DeadLetter) => wanted.has(id) || wanted.has(messageId);
  return {
    hasIds: ids.length > 0,
    includesId: names,
    selects(deadLetter) {
      if (ids.length === 0) return matchesReason(deadLetter, reason);
      if (!names(deadLetter)) return false;
      notFound.delete(deadLetter.id);
      notFound.delete(deadLetter.messageId);
      return true;
    },
    isComplete: () => ids.length > 0 && notFound.size === 0,
    missing: () => [...notFound],
  };
}

/** Whether the dead letter's reason contains the text. True without a text. */
export function matchesReason(deadLetter: DeadLetter, reason: string | undefined): boolean {
  if (reason === undefined) return true;
  return (deadLetter.reason ?? '').toLowerCase().includes(reason.toLowerCase());
}
