import type { RecordFacts, TryFacts } from './facts.ts';
import type { Run } from './journal.ts';

/** A record keeps this many of the newest tries. */
export const MAX_TRIES = 20;

/** The try of a run: the last claim before its worker started. Undefined: the record has none. */
export function findTry(run: Run, { tries = [] }: RecordFacts): TryFacts | undefined {
  return tries.findLast(({ startedMs }) => startedMs <= run.startedMs);
}
