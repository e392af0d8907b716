import { BodyMissing, BodyUnusable, bodyStore } from '../../jobs/bodies.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { type FleetContext, needRecords } from './context.ts';
import { enqueueOrder } from './enqueue.ts';
import { BodyNotKept, JobIsLive } from './errors.ts';
import { drawId } from './ids.ts';
import { orderOf } from './order.ts';
import { catalogueOf, recordOfJob } from './status.ts';
import { stateOf } from './view.ts';

export interface Retried {
  /** Of the new job. */
  id: string;
  /** Of the old one. */
  retryOf: string;
}

/**
 * Enqueues an ended job once more: a new job of the same body, limit, label and request, that names the old one.
 *
 * Throws `UnknownJob`, `JobIsLive`, or `BodyNotKept` where nothing has the body that it was enqueued with.
 */
export async function retryJob(context: FleetContext, id: string): Promise<Retried> {
  const { facts, clock } = context;
  needRecords(facts, 'retry');
  const record = await recordOfJob(context, id);
  const state = stateOf(record, facts, clock.now());
  if (state === 'queued' || state === 'held' || state === 'running') {
    throw new JobIsLive(id, `Job ${id} is ${state}: only a job that has ended is retried. Cancel it first.`);
  }
  const { limitSeconds, group, label, requestId } = record;
  const options = {
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    ...(label !== undefined && { label }),
    ...(requestId !== undefined && { requestId }),
  };
  const order = orderOf(facts, drawId(), await bodyOf(context, record), options);
  await enqueueOrder(context, { ...order, retryOf: id });
  await catalogueOf(context).markRetried(id, order.id);
  return { id: order.id, retryOf: id };
}

async function bodyOf({ clients, facts }: FleetContext, record: JobRecord): Promise<string> {
  const { id, state, body, bodyKey, bodyDigest } = record;
  if (body !== undefined) return body;
  try {
    if (bodyKey !== undefined) return await bodyStore(clients.s3, facts.logBucket).get(id, bodyDigest);
  } catch (error) {
    if (!(error instanceof BodyUnusable)) throw error;
    if (!(error instanceof BodyMissing)) {
      throw new BodyNotKept(`Job ${id} cannot be retried: ${error.message}.`, { cause: error });
    }
  }
  const isDead = state === 'failed' || state === 'timed_out';
  throw new BodyNotKept(
    `The body of job ${id} is kept nowhere: it is longer than a record keeps, and ` +
      `${bodyKey === undefined ? `the job is ${state}` : 'its copy in the log bucket has expired'}. ` +
      (isDead
        ? `Its message may be in the dead-letter queue: \`mayfly dlq redrive ${id}\` takes it from there.`
        : 'Enqueue it anew from where it came.'),
  );
}
