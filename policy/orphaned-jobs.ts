/** What to do with running jobs whose instance is gone. */

export interface OrphanedJob {
  id: string;
  fence: string;
  leaseUntilMs: number;
  /** Absent: unknown. Then its message is assumed to exist. */
  enqueuedAtMs?: number | undefined;
  /** Somebody has requested its cancellation. */
  isCancelRequested?: boolean;
}

export type Settlement = 'wait' | 'queued' | 'cancelled' | 'lost';

/**
 * A running job of an instance that is gone waits for the end of its lease, because its message is invisible until
 * then.
 *
 * - `queued`: the message becomes visible again by itself.
 * - `lost`: the job is older than the queue's retention, so its message is gone.
 * - `cancelled`: cancellation was requested. The agent that receives the message deletes it.
 */
export function decideSettlement(job: OrphanedJob, nowMs: number, retentionMs: number): Settlement {
  if (nowMs <= job.leaseUntilMs) return 'wait';
  if (job.isCancelRequested) return 'cancelled';
  if (job.enqueuedAtMs !== undefined && nowMs - job.enqueuedAtMs >= retentionMs) return 'lost';
  return 'queued';
}

/**
 * Whether an instance is gone. An EC2 instance is gone when its group does not have it any more. A machine outside EC2,
 * such as a developer's, is gone when it has retired or has not reported for `silentMs`.
 */
export function isGone(
  { instance, present, reportedAtMs, retired }: RecordedInstance,
  nowMs: number,
  silentMs: number,
): boolean {
  if (present) return false;
  if (instance.startsWith('i-') || retired) return true;
  return reportedAtMs === undefined || nowMs - reportedAtMs >= silentMs;
}

export interface RecordedInstance {
  instance: string;
  /** Whether the group has it. */
  present: boolean;
  reportedAtMs?: number | undefined;
  retired: boolean;
}
