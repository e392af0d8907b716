/**
 * Whether an agent still does its work: decides about the sign of life that systemd's watchdog waits for. What counts
 * is that it tries, not that it succeeds: with AWS down it fails at each try, and a restart would mend nothing.
 */

/**
 * The longest time without a try. Legitimate are 75 s: between two calls of the ladder (15 s of time-out, 60 s of
 * backoff); between two receives it is 55 s (35 s and 20 s), and between two looks at the metadata from a warm pool
 * little more than 60 s.
 */
export const LONGEST_SILENCE_MS = 120_000;

export interface Signs {
  /** Since the agent last tried something that has to go on: a receive, a rung of the ladder, a hook, the metadata. */
  sinceTryMs: number;
  /** Workers that run, and jobs that have ended but are not settled yet. */
  jobs: number;
  /** Whether receives have to follow one another: it is not paused and has room for a job. */
  receiving: boolean;
  /** How long a lease waits for its renewal, or a worker for its stop, beyond its time; 0 or less: none does. */
  overdueMs: number;
}

export type Verdict = { alive: true } | { alive: false; why: 'leases-neglected' | 'nothing-tried' };

/**
 * With all slots busy nothing is received, perhaps for hours: then the leases tell. With room for jobs, or without
 * any, tries must follow each other.
 */
export function judge({ sinceTryMs, jobs, receiving, overdueMs }: Signs): Verdict {
  if (overdueMs > LONGEST_SILENCE_MS) return { alive: false, why: 'leases-neglected' };
  if (jobs > 0 && !receiving) return { alive: true };
  return sinceTryMs > LONGEST_SILENCE_MS ? { alive: false, why: 'nothing-tried' } : { alive: true };
}
