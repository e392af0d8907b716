/**
 * When an instance leaves jobs to others. Jobs that fail one after the other may be to blame themselves, or their machine:
 * nobody can tell before another machine has tried. So an instance on which several different jobs failed in a row takes one
 * job at a time, with a pause before each that grows, until a job succeeds.
 */

/** Different jobs that have failed in a row. Two can be a coincidence, and the repetition of one job says nothing. */
export const SLOW_AFTER_JOBS = 3;

const FIRST_PAUSE_MS = 5000;
/** Less than an agent may be without a try (`policy/watchdog.ts`). */
const LONGEST_PAUSE_MS = 60_000;

/** Failures since the last success. */
export interface FailureStreak {
  /** Tries that failed. */
  failures: number;
  /** The first jobs of them, each once; no more are kept than it takes to slow down. */
  jobs: readonly string[];
  /** Failures since there were that many jobs, the one included that made it so. */
  slowFailures: number;
  /** When the last one failed, and how, for a person. */
  reason: string;
  /** When the instance slowed down, as `atMs` of the try; undefined: it did not. */
  slowSinceMs?: number;
}

export interface TryResult {
  job: string;
  /** `neither` says nothing of the instance: the input was wrong, or somebody stopped the worker. */
  result: 'success' | 'failure' | 'neither';
  /** How it ended, for a person. */
  reason: string;
  atMs: number;
}

/** The streak after one more try; undefined while there is none. */
export function afterTry(
  streak: FailureStreak | undefined,
  { job, result, reason, atMs }: TryResult,
): FailureStreak | undefined {
  if (result === 'success') return undefined;
  if (result === 'neither') return streak;
  const { failures = 0, jobs = [], slowFailures = 0, slowSinceMs } = streak ?? {};
  const isSlow = jobs.length >= SLOW_AFTER_JOBS;
  const known = isSlow || jobs.includes(job) ? jobs : [...jobs, job];
  const slows = known.length >= SLOW_AFTER_JOBS;
  return {
    failures: failures + 1,
    jobs: known,
    slowFailures: slows ? slowFailures + 1 : 0,
    reason,
    ...(slows && { slowSinceMs: slowSinceMs ?? atMs }),
  };
}

/** How long to wait before one more job is received; 0: the instance is not slowed. */
export function pauseMs(streak: FailureStreak | undefined): number {
  if (!streak || streak.slowFailures === 0) return 0;
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(streak.slowFailures - 1, 30));
}
