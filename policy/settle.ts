/** What becomes of jobs whose instance is gone. */

export interface StrandedJob {
  id: string;
  fence: string;
  leaseUntilMs: number;
  /** Absent: unknown, and then assumed to be young. */
  enqueuedAtMs?: number | undefined;
  /** Somebody wants it to end. */
  toBeCancelled?: boolean;
}

export type Settlement = 'wait' | 'queued' | 'cancelled' | 'lost';

/**
 * A running job of an instance that is gone waits for its lease to end, since its message stays invisible that long.
 * Then it is queued: the message comes back by itself. One older than the queue's retention has no message any more.
 * One that was to be cancelled is; its message is deleted by the agent that finds it.
 */
export function settle(job: StrandedJob, nowMs: number, retentionMs: number): Settlement {
  if (nowMs <= job.leaseUntilMs) return 'wait';
  if (job.toBeCancelled) return 'cancelled';
  if (job.enqueuedAtMs !== undefined && nowMs - job.enqueuedAtMs >= retentionMs) return 'lost';
  return 'queued';
}

/**
 * Whether an instance is gone: EC2's instances when their group does not have them any more, machines that never were
 * in a group (a developer's) when they retired or are silent.
 */
export function isGone(
  { instance, present, heardAtMs, retired }: RecordedInstance,
  nowMs: number,
  silentMs: number,
): boolean {
  if (present) return false;
  if (instance.startsWith('i-') || retired) return true;
  return heardAtMs === undefined || nowMs - heardAtMs >= silentMs;
}

export interface RecordedInstance {
  instance: string;
  /** Whether the group has it. */
  present: boolean;
  heardAtMs?: number | undefined;
  retired: boolean;
}
