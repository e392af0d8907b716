/** Demand that nobody has any more: instances that the group still wants, though no job waits for them. */

export interface DemandFacts {
  desired: number;
  minSize: number;
  /** Instances that count towards the desired capacity, those that boot included. */
  there: number;
  /** Whether a launch is under way. */
  pending: boolean;
  /** Visible messages. */
  backlog: number;
  nowMs: number;
  /** Since when every look has found more desired than there, and no message. Undefined: the last look did not. */
  unneededSinceMs: number | undefined;
  /** When the launches that succeeded began. One that is refused and tried again is none of them. */
  launchesMs: readonly number[];
  /** When the desired capacity was last changed from here: by the scaling policy, or by a correction. */
  calledMs: number | undefined;
}

export interface Demand {
  /** To be remembered until the next look; undefined while the group wants no more than it has, or jobs wait. */
  unneededSinceMs: number | undefined;
  /** The desired capacity is to be set to what is there. */
  drop: boolean;
}

/** What was asked for and can be had is there by then. */
const SETTLED_MS = 120_000;
/** Looks that are closer than this count as one: a schedule may run twice for one minute. */
const LOOKS_APART_MS = 30_000;

/**
 * A launch that EC2 refuses leaves the desired capacity high, and Auto Scaling goes on trying after the jobs are done.
 * The demand is dropped when two looks have found that nobody has it. Launches that began after the first of them were
 * for nobody, and delay nothing: otherwise each instance that goes would be followed by another.
 */
export function judgeDemand(facts: DemandFacts): Demand {
  const { desired, minSize, there, pending, backlog, nowMs, calledMs = -Infinity } = facts;
  if (backlog > 0 || desired <= Math.max(minSize, there)) return { unneededSinceMs: undefined, drop: false };
  if (facts.unneededSinceMs === undefined) return { unneededSinceMs: nowMs, drop: false };
  const unneededSinceMs = Math.min(facts.unneededSinceMs, nowMs);
  const wanted = facts.launchesMs.filter((startedMs) => startedMs <= unneededSinceMs);
  const quietMs = nowMs - Math.max(calledMs, ...wanted);
  const seenTwice = nowMs - unneededSinceMs >= LOOKS_APART_MS;
  return { unneededSinceMs, drop: seenTwice && !pending && quietMs >= SETTLED_MS };
}
