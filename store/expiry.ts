import { LONGEST_RETENTION_SECONDS } from '../lib/limits.ts';

/** When the table forgets a job that has ended: epoch seconds, rounded up. */
export function expiryOfEnded(endedMs: number, recordSeconds: number): number {
  return Math.ceil(endedMs / 1000 + recordSeconds);
}

/** When it forgets one that waits: no message of it can be left by then. Epoch seconds. */
export function expiryOfQueued(nowMs: number, recordSeconds: number): number {
  return expiryOfEnded(nowMs, LONGEST_RETENTION_SECONDS + recordSeconds);
}

/** When it forgets one that was cancelled: its message may wait on the queue, and a claim must not take it for a new job. */
export function expiryOfCancelled(nowMs: number, recordSeconds: number): number {
  return expiryOfEnded(nowMs, Math.max(LONGEST_RETENTION_SECONDS, recordSeconds));
}
