/**
 * When an instance slows down. If several jobs fail in a row, the jobs or the instance may be the cause. Only a run on
 * another instance can tell. So an instance on which several different jobs failed in a row takes one job at a time,
 * with a growing pause before each, until a job succeeds.
 */

/** Different jobs that have to fail in a row. Two may be a coincidence, and repetitions of one job say nothing. */
const SLOW_AFTER_JOBS = 3;

const FIRST_PAUSE_MS = 5000;
/** Must be shorter than the watchdog's limit (`policy/watchdog.ts`). */
const LONGEST_PAUSE_MS = 60_000;

/** Failures since the last success. */
export interface FailureStreak {
  /** Tries that failed. */
  failures: number;
  /** The jobs that failed, each once, up to `SLOW_AFTER_JOBS`. */
  jobs: readonly string[];
  /** Failures since the instance slowed down, including the one that slowed it. */
  slowFailures: number;
  /** How the last try ended, for a person. */
  reason: string;
  /** When the instance slowed down, as `atMs` of the try. Undefined: it did not. */
  slowSinceMs?: number;
}

export interface TryResult {
  job: string;
  /** `neither` says nothing about the instance: the input was wrong, or somebody stopped the worker. */
  result: 'success' | 'failure' | 'neither';
  /** How it ended, for a person. */
  reason: string;
  atMs: number;
}

/** The streak after one more try. Undefined: there is none. */
export function addTry(
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

/** How long to wait before the next receive. 0: the instance is not slowed. */
export function slowdownPauseMs(streak: FailureStreak | undefined): number {
  if (!streak || streak.slowFailures === 0) return 0;
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(streak.slowFailures - 1, 30));
}
