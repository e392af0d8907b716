import type { Ending, RetryRules } from '../../jobs/outcome.ts';
import type { Try } from '../../jobs/record.ts';
import type { TryEnd } from '../../store/job-endings.ts';
import type { InFlightMessage } from './in-flight-message.ts';

/** How a worker ended, as in a record and a dead letter. */
export type Exit = Pick<TryEnd, 'exitStatus' | 'signal' | 'reason'> & Pick<Try, 'slotLost' | 'unhealthy'>;

export function toExit(ending: Ending): Exit {
  if (ending.kind === 'exited') return { exitStatus: ending.status };
  if (ending.kind === 'unhealthy') return { ...toExit(ending.end), unhealthy: true };
  if (ending.kind === 'slot-lost') return { slotLost: true };
  return ending.kind === 'signalled' ? { signal: ending.signal } : {};
}

/**
 * Counts the earlier tries that may have cost no attempt. Without a record only SQS counts: each earlier try may have lost
 * its slot, and those beyond `maxAttempts` cost none.
 */
export function countEarlierTries(
  { claim, message: { receiveCount } }: InFlightMessage,
  { maxAttempts }: RetryRules,
): { slotsLost: number; unhealthy: number } {
  if (!claim) return { slotsLost: receiveCount - 1, unhealthy: Math.max(0, receiveCount - maxAttempts) };
  return {
    slotsLost: claim.tries.filter(({ slotLost }) => slotLost).length,
    unhealthy: claim.tries.filter(({ unhealthy }) => unhealthy).length,
  };
}

/** Returns the job's tries with the end of the last one. */
export function endLastTry(
  { attempts, tries }: NonNullable<InFlightMessage['claim']>,
  end: Undefinable<Partial<Try>>,
): Try[] {
  const last = tries.at(-1);
  return last ? [...tries.slice(0, -1), { ...last, ...end, attempt: attempts } as Try] : [];
}

type Undefinable<T> = { [Key in keyof T]: T[Key] | undefined };
