/**
 * When the keeper executes the scaling policy itself, because the alarm has not fired: the metrics of an inactive queue
 * can be a quarter of an hour late.
 */

export interface ScaleOutFacts {
  /** Visible messages. */
  backlog: number;
  threshold: number;
  /** How long the backlog must have been at the threshold: the alarm's own duration. */
  durationMs: number;
  nowMs: number;
  /** Since when the backlog has been at the threshold, by the previous run. */
  backlogSinceMs: number | undefined;
  /** When an instance was last launched, or the keeper last executed the policy. */
  lastLaunchMs: number | undefined;
  /** The group's desired capacity. At the maximum the policy is not executed. */
  desired: number;
  maxSize: number;
}

export interface ScaleOutDecision {
  execute: boolean;
  /** The keeper stores it until its next run. Undefined while the backlog is below the threshold. */
  backlogSinceMs: number | undefined;
}

/** The schedule is not exact: a run that comes this much early still counts. */
const EARLY_MS = 5000;

/**
 * The policy is executed if the backlog has been at the threshold for the alarm's duration without a launch. Its metric
 * value is the whole backlog, because step scaling subtracts the instances that are warming up itself.
 */
export function decideScaleOut(facts: ScaleOutFacts): ScaleOutDecision {
  const { backlog, threshold, durationMs, nowMs, lastLaunchMs, desired, maxSize } = facts;
  if (backlog < threshold) return { execute: false, backlogSinceMs: undefined };
  const backlogSinceMs = Math.min(facts.backlogSinceMs ?? nowMs, nowMs);
  const quietSinceMs = Math.max(backlogSinceMs, lastLaunchMs ?? backlogSinceMs);
  const due = nowMs - quietSinceMs >= durationMs - EARLY_MS && facts.backlogSinceMs !== undefined;
  return { execute: due && desired < maxSize, backlogSinceMs };
}
