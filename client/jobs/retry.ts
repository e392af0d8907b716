import type { JobRecord, JobState } from '../../jobs/record.ts';
import { type FleetContext, needRecords } from '../context.ts';
import { type Enqueued, enqueueOrder } from '../enqueue/enqueue.ts';
import { JobIsLive } from '../errors.ts';
import { dedupedId, drawId } from '../enqueue/ids.ts';
import { keptBody } from './job-body.ts';
import { orderOf } from '../enqueue/order.ts';
import { catalogueOf, recordOfJob, records } from '../job-records.ts';
import { stateOf } from '../job-state.ts';

export interface RetryOptions {
  /**
   * Retry the last of the jobs that this one was retried as, and only if it has ended without success: so that the call can be
   * repeated. Default false.
   */
  once?: boolean;
}

export interface Retried {
  /** Of the new job; with `once` of the last one. */
  id: string;
  /** Of the one that was named. */
  retryOf: string;
  /** `repeated`: with `once`, there is nothing to retry, as the last one has not ended or has succeeded. */
  outcome: 'retried' | 'repeated';
}

/**
 * Enqueues an ended job once more: a new job of the same body, limit, label and request, that names the old one.
 *
 * Throws `UnknownJob`, `JobIsLive`, or `BodyNotKept` where nothing has the body that it was enqueued with.
 */
export async function retryJob(
  context: FleetContext,
  id: string,
  { once = false }: RetryOptions = {},
): Promise<Retried> {
  const { facts, clock } = context;
  needRecords(facts, 'retry');
  if (once) return retryLast(context, id);
  const record = await recordOfJob(context, id);
  const state = stateOf(record, facts, clock.now());
  if (isLive(state)) {
    throw new JobIsLive(id, `Job ${id} is ${state}: only a job that has ended is retried. Cancel it first.`);
  }
  const retried = await enqueueAgain(context, record);
  return { id: retried.id, retryOf: id, outcome: 'retried' };
}

const isLive = (state: JobState) => state === 'queued' || state === 'held' || state === 'running';

/** The retry of a job has an id that is made of the job's: however often and by whomever it is called, it makes one. */
async function retryLast(context: FleetContext, retryOf: string): Promise<Retried> {
  for (;;) {
    const last = await lastRetryOf(context, await recordOfJob(context, retryOf));
    const state = stateOf(last, context.facts, context.clock.now());
    if (isLive(state) || state === 'succeeded') return { id: last.id, retryOf, outcome: 'repeated' };
    const { id, deduplicated } = await enqueueAgain(context, last, dedupedId(`retry ${last.id}`));
    if (!deduplicated) return { id, retryOf, outcome: 'retried' };
    // It was there, by another call; and may have ended already.
  }
}

/** The last one that still has a record. */
async function lastRetryOf(context: FleetContext, record: JobRecord): Promise<JobRecord> {
  let last = record;
  for (;;) {
    const { retriedAs } = last;
    const next = retriedAs === undefined ? undefined : (await records(context, [retriedAs])).get(retriedAs);
    if (!next) return last;
    last = next;
  }
}

/** @param onceId the new job's; absent: one is drawn */
async function enqueueAgain(context: FleetContext, record: JobRecord, onceId?: string): Promise<Enqueued> {
  const { id, limitSeconds, group, label, requestId } = record;
  const options = {
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    ...(label !== undefined && { label }),
    ...(requestId !== undefined && { requestId }),
  };
  const body = await keptBody(context, record, {
    failed: `Job ${id} cannot be retried`,
    dead: `Its message may be in the dead-letter queue: \`mayfly dlq redrive ${id}\` takes it from there.`,
    other: 'Enqueue it anew from where it came.',
  });
  const order = orderOf(context.facts, onceId ?? drawId(), body, options);
  const enqueued = await enqueueOrder(context, { ...order, retryOf: id, deduped: onceId !== undefined });
  await catalogueOf(context).markRetried(id, order.id);
  return enqueued;
}
