/** Why a queued job waits, decided by the state of its fleet at one moment. */

export interface WaitingFacts {
  nowMs: number;
  /** The job cannot run before this time. */
  notBeforeMs?: number | undefined;
  /** Whether the job has had a try. */
  triedBefore: boolean;
  /** Since when the fleet is paused, and since when its boot breaker is open. */
  pausedAtMs?: number | undefined;
  trippedAtMs?: number | undefined;
  /** Visible messages of its queue, including the job's own. */
  visible: number;
  /** The number of visible messages from which the fleet grows. Undefined: not known. */
  threshold?: number | undefined;
  /** Somebody has suspended the group's process `Launch`. */
  launchSuspended: boolean;
  desired: number;
  /** All instances of the group. Fewer than desired while a launch is requested. */
  there: number;
  maxSize: number;
  instances: readonly WaitingInstance[];
  /** Since when AWS refuses launches, and why. */
  refused?: { atMs: number; message: string } | undefined;
}

export interface WaitingInstance {
  instance: string;
  /**
   * `free`: it takes jobs and has a free slot. `launching`: its agent is not ready yet. `other`: it retires, or is
   * silent.
   */
  is: 'free' | 'busy' | 'launching' | 'other';
  launchedAtMs?: number | undefined;
}

/** What a queued job waits for. Times are milliseconds since the epoch. */
export type Waiting =
  | { what: 'retry' | 'delay'; untilMs: number }
  | { what: 'paused' | 'breaker'; sinceMs: number }
  /** Its message is not visible: an agent has received it, or it was requeued with a delay. */
  | { what: 'message' }
  /** An instance has a free slot. */
  | { what: 'nothing'; instance: string }
  | { what: 'launch'; instance: string; sinceMs?: number | undefined }
  | { what: 'suspended' }
  | { what: 'refused'; sinceMs: number; message: string }
  | { what: 'maximum'; maxSize: number; visible: number }
  | { what: 'backlog'; visible: number; threshold: number }
  /** An instance has been requested, or will be soon. `busy` instances have no free slot. */
  | { what: 'instance'; busy: number; isAsked: boolean };

/** The first cause that applies, in the order below. */
export function explainWaiting(facts: WaitingFacts): Waiting {
  const { nowMs, notBeforeMs, triedBefore, pausedAtMs, trippedAtMs, visible, threshold, refused } = facts;
  if (notBeforeMs !== undefined && notBeforeMs > nowMs) {
    return { what: triedBefore ? 'retry' : 'delay', untilMs: notBeforeMs };
  }
  if (pausedAtMs !== undefined) return { what: 'paused', sinceMs: pausedAtMs };
  if (visible === 0) return { what: 'message' };
  const free = facts.instances.find(({ is }) => is === 'free');
  if (free) return { what: 'nothing', instance: free.instance };
  const launching = facts.instances.find(({ is }) => is === 'launching');
  if (launching) return { what: 'launch', instance: launching.instance, sinceMs: launching.launchedAtMs };
  if (trippedAtMs !== undefined) return { what: 'breaker', sinceMs: trippedAtMs };
  if (facts.launchSuspended) return { what: 'suspended' };
  if (refused) return { what: 'refused', sinceMs: refused.atMs, message: refused.message };
  const { desired, there, maxSize } = facts;
  const busy = facts.instances.filter(({ is }) => is === 'busy').length;
  if (desired > there) return { what: 'instance', busy, isAsked: true };
  if (desired >= maxSize) return { what: 'maximum', maxSize, visible };
  if (threshold !== undefined && visible < threshold) return { what: 'backlog', visible, threshold };
  return { what: 'instance', busy, isAsked: false };
}
