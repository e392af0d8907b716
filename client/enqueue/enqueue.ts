import type { JobState } from '../../jobs/record.ts';
import type { FleetContext } from '../context.ts';
import { isRefusal } from '../explain.ts';
import { createJobIndex } from '../job-records.ts';
import { shownState } from '../job-state.ts';
import type { Body } from './encode-body.ts';
import { holdJob } from './hold.ts';
import { createJobId } from './ids.ts';
import type { JobOptions } from './options.ts';
import { type PreparedJob, prepareJob } from './prepare.ts';
import { recordJob } from './record.ts';
import { sendJob } from './send.ts';

/** Result of `enqueue`. */
export interface Enqueued {
  id: string;
  /** A job with this deduplication key existed already. No second job was enqueued. */
  deduplicated: boolean;
  /** `queued`, `held` if its group has no lane for it now, or the state of the job that existed. */
  state: JobState;
}

/**
 * Enqueues one job: prepares it, writes its record, sends its message. The record comes first, so that every id which
 * was returned is known.
 *
 * Rejects with `BadBodyError`, `WrongOptionError` or `NotTrackedError` before anything is sent.
 */
export async function enqueue(context: FleetContext, body: Body, options: JobOptions): Promise<Enqueued> {
  return enqueuePrepared(context, prepareJob(context.facts, createJobId(), body, options));
}

/** Writes the record of a prepared job and sends its message. */
export async function enqueuePrepared(context: FleetContext, job: PreparedJob): Promise<Enqueued> {
  const { facts, clock } = context;
  const { id } = job;
  const earlier = facts.trackJobs ? await recordJob(context, job) : undefined;
  if (earlier) {
    if (earlier.conflict) throw earlier.conflict;
    if (earlier.mayBeUnsent) await sendOrHold(context, job);
    return { id, deduplicated: true, state: shownState(earlier.record, facts, clock.now()) };
  }
  try {
    return { id, deduplicated: false, state: await sendOrHold(context, job) };
  } catch (error) {
    // SQS has refused the message. Without it the record would stay queued.
    if (facts.trackJobs && isRefusal(error) && !job.isDeduplicated) {
      await createJobIndex(context)
        .remove(id, { onlyEnded: false })
        .catch(() => {});
    }
    throw error;
  }
}

async function sendOrHold(context: FleetContext, job: PreparedJob): Promise<'held' | 'queued'> {
  if (job.envelope.group !== undefined) return holdJob(context, job);
  await sendJob(context, job);
  return 'queued';
}
