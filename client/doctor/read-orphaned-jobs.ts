import type { JobRecord } from '../../jobs/record.ts';
import { IndexNotReadyError } from '../../store/index-pages.ts';
import type { FleetContext } from '../context.ts';
import { isIndexed, type Range, readIndexedJobs } from '../jobs/indexed-jobs.ts';
import type { OrphanedJobs, QueueState } from './check-input.ts';

/** A message is sent after its record is written, and SQS's counts may be a minute old. Newer jobs are not reported. */
const YOUNG_MS = 15 * 60_000;
const MOST_JOBS = 10;
/** Most records that are read. Agents of earlier versions do not move running jobs to another partition of the index. */
const MOST_RECORDS = 100;

/**
 * Finds jobs that are queued in the table although the queue is empty: they have no message that an agent could
 * receive.
 */
export async function findOrphanedJobs(
  context: FleetContext,
  queue: Pick<QueueState, 'visible' | 'inFlight' | 'delayed'> | undefined,
): Promise<OrphanedJobs> {
  const { facts, clock } = context;
  const empty = queue && queue.visible + queue.inFlight + queue.delayed === 0;
  if (!empty || !facts.trackJobs) return { jobs: [], isPartial: false };
  // Older ones are shown as lost.
  const sinceMs = clock.now() - facts.retentionSeconds * 1000;
  const beforeMs = clock.now() - YOUNG_MS;
  const range: Range = { state: 'queued', sinceMs, beforeMs };
  const jobs: string[] = [];
  let seen = 0;
  try {
    for await (const job of readIndexedJobs(context, [range], {}, MOST_JOBS)) {
      seen += 1;
      if (hasHadMessage(job, beforeMs)) jobs.push(job.id);
      if (jobs.length === MOST_JOBS || seen === MOST_RECORDS) break;
    }
  } catch (error) {
    if (!(error instanceof IndexNotReadyError)) throw error;
    return { jobs, isPartial: true };
  }
  return { jobs, isPartial: seen === MOST_RECORDS || !(await isIndexed(context)) };
}

/** A released job is queued for people. It may have been held long before its message was sent. */
function hasHadMessage({ state, sentAt }: JobRecord, beforeMs: number): boolean {
  if (sentAt !== undefined && Date.parse(sentAt) > beforeMs) return false;
  return state === 'queued' || (state === 'held' && sentAt !== undefined);
}
