/** Detects desired capacity that no job needs: the group wants more instances than it has, but no job waits. */

export interface DemandFacts {
  desired: number;
  minSize: number;
  /** Instances that count towards the desired capacity, including those that are booting. */
  currentCapacity: number;
  /** Whether a launch is in progress. */
  pending: boolean;
  /** Visible messages. */
  backlog: number;
  nowMs: number;
  /** Since when every run has found fewer instances than desired, and no message. Undefined: the last run did not. */
  unneededSinceMs: number | undefined;
  /** When the successful launches began. Launches that EC2 refused are not among them. */
  launchesMs: readonly number[];
  /** When the keeper last changed the desired capacity, with the scaling policy or a correction. */
  lastScaledMs: number | undefined;
}

export interface Demand {
  /** The keeper stores it until its next run. Undefined while the group has what it wants, or jobs wait. */
  unneededSinceMs: number | undefined;
  /** Whether the desired capacity has to be set to the number of instances that the group has. */
  drop: boolean;
}

/** After this time every launch that can succeed shows in the group. */
const SETTLED_MS = 120_000;
/** Runs that are closer than this count as one, as the schedule may run the keeper twice in one minute. */
const RUNS_APART_MS = 30_000;

/**
 * A launch that EC2 refuses leaves the desired capacity high, and Auto Scaling retries it after the jobs are done. The
 * capacity is dropped when two runs have found that no job needs it. Launches that began after the first of these runs
 * do not delay that: otherwise each instance that retires would be replaced.
 */
export function judgeDemand(facts: DemandFacts): Demand {
  const { desired, minSize, currentCapacity, pending, backlog, nowMs, lastScaledMs = -Infinity } = facts;
  if (backlog > 0 || desired <= Math.max(minSize, currentCapacity))
    return { unneededSinceMs: undefined, drop: false };
  if (facts.unneededSinceMs === undefined) return { unneededSinceMs: nowMs, drop: false };
  const unneededSinceMs = Math.min(facts.unneededSinceMs, nowMs);
  const wanted = facts.launchesMs.filter((startedMs) => startedMs <= unneededSinceMs);
  const quietMs = nowMs - Math.max(lastScaledMs, ...wanted);
  const seenTwice = nowMs - unneededSinceMs >= RUNS_APART_MS;
  return { unneededSinceMs, drop: seenTwice && !pending && quietMs >= SETTLED_MS };
}
