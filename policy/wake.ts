/** When to wake a fleet whose alarm sleeps: an inactive queue's metrics can be a quarter of an hour late. */

export interface WakeFacts {
  /** Visible messages. */
  backlog: number;
  threshold: number;
  /** How long the backlog must have been at the threshold: the alarm's own duration. */
  durationMs: number;
  nowMs: number;
  /** Since when it has been there, as far as is remembered. */
  backlogSinceMs: number | undefined;
  /** When an instance was last launched, or the policy was last executed from here. */
  lastLaunchMs: number | undefined;
  /** The group's, with what is on its way; at the maximum there is nothing to wake. */
  desired: number;
  maxSize: number;
}

export interface Wake {
  execute: boolean;
  /** To be remembered until the next look; undefined while the backlog is below the threshold. */
  backlogSinceMs: number | undefined;
}

/** Schedules do not fire on the dot: a look that comes this much early still counts. */
const EARLY_MS = 5000;

/**
 * A backlog that has been at the threshold for the alarm's duration, with no launch in all that time, wakes the fleet.
 * Pass the gross backlog to the policy: step scaling counts the instances that warm up by itself.
 */
export function wake(facts: WakeFacts): Wake {
  const { backlog, threshold, durationMs, nowMs, lastLaunchMs, desired, maxSize } = facts;
  if (backlog < threshold) return { execute: false, backlogSinceMs: undefined };
  const backlogSinceMs = Math.min(facts.backlogSinceMs ?? nowMs, nowMs);
  const quietSinceMs = Math.max(backlogSinceMs, lastLaunchMs ?? backlogSinceMs);
  const due = nowMs - quietSinceMs >= durationMs - EARLY_MS && facts.backlogSinceMs !== undefined;
  return { execute: due && desired < maxSize, backlogSinceMs };
}
