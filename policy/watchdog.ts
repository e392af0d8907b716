/**
 * Whether an agent still works: decides whether it pings systemd's watchdog. Tries count, not successes: during an
 * outage of AWS every try fails, and a restart would not help.
 */

/**
 * The longest time without a try. Up to 75 s are normal: between two calls of the escalation 75 s (15 s of time-out, 60
 * s of backoff), between two receives 55 s (35 s and 20 s), between two reads of the metadata in a warm pool a little
 * more than 60 s.
 */
export const MAX_SILENCE_MS = 120_000;

export interface LivenessFacts {
  /** Time since the agent last tried a receive, a call of the escalation, a hook or the metadata. */
  sinceTryMs: number;
  /** Workers that run, and jobs that have ended but are not settled yet. */
  jobs: number;
  /** Whether the agent has to receive again and again: it is not paused and has room for a job. */
  receiving: boolean;
  /** How late the renewal of a lease or the stop of a worker is. 0 or less: none is late. */
  overdueMs: number;
}

export type LivenessVerdict = { alive: true } | { alive: false; why: 'leases-neglected' | 'nothing-tried' };

/**
 * With all slots busy the agent receives nothing, perhaps for hours, so its leases are judged. With a free slot, or
 * without jobs, tries have to follow each other.
 */
export function judgeLiveness({ sinceTryMs, jobs, receiving, overdueMs }: LivenessFacts): LivenessVerdict {
  if (overdueMs > MAX_SILENCE_MS) return { alive: false, why: 'leases-neglected' };
  if (jobs > 0 && !receiving) return { alive: true };
  return sinceTryMs > MAX_SILENCE_MS ? { alive: false, why: 'nothing-tried' } : { alive: true };
}
