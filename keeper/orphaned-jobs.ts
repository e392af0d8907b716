import type { JobRecord } from '../jobs/record.ts';
import { CANCELLED_REASON } from '../jobs/record.ts';
import { decideSettlement, type Settlement } from '../policy/orphaned-jobs.ts';
import { JobEndings } from '../store/job-endings.ts';
import { findRunningJobs } from '../store/running-jobs.ts';
import type { KeeperContext } from './keeper-context.ts';

/**
 * Settles the jobs that were running on an instance when it ended. Once no job waits for the end of its lease, and the
 * index has all of them, the instance's record is listed as `retired`.
 */
export async function settleOrphanedJobs(context: KeeperContext, instance: string): Promise<void> {
  const { clients, config, instances, nowMs, errorMs, log } = context;
  const table = new JobEndings(clients.dynamodb, config.table, config.recordSeconds);
  let waiting = 0;
  const { jobs, isComplete } = await findRunningJobs(clients.dynamodb, config.table, instance);
  for (const job of jobs) {
    const outcome = decideOutcome(job, nowMs - errorMs, config.retentionSeconds * 1000);
    log.info({ job: job.id, instance, outcome }, 'the instance of a running job is gone');
    if (outcome === 'wait') waiting++;
    else await write(table, job, outcome, nowMs, `its instance ${instance} ended while it ran`);
  }
  if (waiting === 0 && isComplete) await instances.markGone(instance, nowMs);
}

/** @param nowMs the earliest possible time, so that no lease counts as ended before it has */
function decideOutcome(job: JobRecord, nowMs: number, retentionMs: number): Settlement {
  const { id, fence = '', leaseUntilMs = 0, enqueuedAt, sentAt, cancelRequestedAt } = job;
  // A job that was held has a message since its release only.
  const sinceText = job.release === undefined ? enqueuedAt : sentAt;
  const enqueuedAtMs = sinceText === undefined ? undefined : Date.parse(sinceText);
  const isCancelRequested = cancelRequestedAt !== undefined;
  return decideSettlement({ id, fence, leaseUntilMs, enqueuedAtMs, isCancelRequested }, nowMs, retentionMs);
}

/** A job that another claim has taken over is left unchanged, because the fence differs. */
async function write(
  table: JobEndings,
  { id, fence = '', release }: JobRecord,
  outcome: Exclude<Settlement, 'wait'>,
  nowMs: number,
  gone: string,
): Promise<void> {
  const end = { endedAtMs: nowMs, refund: 0 } as const;
  if (outcome === 'queued') await table.requeue(id, fence, { ...end, reason: gone, release });
  else if (outcome === 'cancelled')
    await table.finish(id, fence, 'cancelled', { ...end, reason: CANCELLED_REASON });
  else {
    const reason = `${gone}, and its message is older than the queue's retention period`;
    await table.finish(id, fence, 'lost', { ...end, reason });
  }
}
