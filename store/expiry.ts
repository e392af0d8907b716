import { SQS_MAX_RETENTION_SECONDS } from '../lib/limits.ts';

/** When the table deletes a job that has ended: epoch seconds, rounded up. */
export function expiryOfEnded(endedMs: number, recordSeconds: number): number {
  return Math.ceil(endedMs / 1000 + recordSeconds);
}

/** When it deletes a queued job: no message of it can be left by then. Epoch seconds. */
export function expiryOfQueued(nowMs: number, recordSeconds: number): number {
  return expiryOfEnded(nowMs, SQS_MAX_RETENTION_SECONDS + recordSeconds);
}

/** When it deletes a cancelled job: while its message may be on the queue, a claim must not take that for a new job. */
export function expiryOfCancelled(nowMs: number, recordSeconds: number): number {
  return expiryOfEnded(nowMs, Math.max(SQS_MAX_RETENTION_SECONDS, recordSeconds));
}
