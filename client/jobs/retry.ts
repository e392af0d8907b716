import { parseAttributes } from '../../jobs/message-attributes.ts';
import type { JobRecord, JobState } from '../../jobs/record.ts';
import { selectRepeatedFields } from '../../store/claim.ts';
import { explainStage } from '../../store/redrive.ts';
import { type FleetContext, requireRecords } from '../context.ts';
import { type Enqueued, enqueuePrepared } from '../enqueue/enqueue.ts';
import { createJobId, deduplicatedId } from '../enqueue/ids.ts';
import { prepareJob } from '../enqueue/prepare.ts';
import { JobIsLiveError, WrongStateError } from '../errors.ts';
import { createJobIndex, readRecord, readRecords } from '../job-records.ts';
import { shownState } from '../job-state.ts';
import { readStoredBody } from './stored-body.ts';

/** Options of `retry`. */
export interface RetryOptions {
  /**
   * Retry the last retry of the job, and only if it has ended without success. With this option the call can be
   * repeated. Default false: each call enqueues a new job.
   */
  once?: boolean;
}

/** Result of `retry`. */
export interface Retried {
  /** Id of the new job. With the outcome `repeated`, id of the last retry. */
  id: string;
  /** Id of the job that was to be retried. */
  retryOf: string;
  /** `repeated`: nothing was enqueued, because with `once` the last retry has not ended or has succeeded. */
  outcome: 'retried' | 'repeated';
}

/**
 * Enqueues a job that has ended again: a new job with the same body, limit, label, group, target, request id and place in the
 * request. It waits for a lane of its group, but it is no job of the request, whose check and roll-back do not follow it. Its
 * record names the old job.
 *
 * Rejects with `UnknownJobError`, `JobIsLiveError`, `WrongStateError` for a roll-back or a check, or `BodyNotKeptError` if the
 * body is not stored any more.
 */
export async function retryJob(
  context: FleetContext,
  id: string,
  { once = false }: RetryOptions = {},
): Promise<Retried> {
  const { facts, clock } = context;
  requireRecords(facts, 'retry');
  if (once) return retryLast(context, id);
  const record = await readRecord(context, id);
  const state = shownState(record, facts, clock.now());
  if (isLive(state)) {
    throw new JobIsLiveError(
      id,
      `Job ${id} is ${state}. Only a job that has ended can be retried: cancel it first.`,
    );
  }
  const retried = await enqueueAgain(context, record);
  return { id: retried.id, retryOf: id, outcome: 'retried' };
}

const isLive = (state: JobState) => state === 'queued' || state === 'held' || state === 'running';

/** The id of the new job is made of the old job's id, so that repeated and simultaneous calls enqueue one job. */
async function retryLast(context: FleetContext, retryOf: string): Promise<Retried> {
  for (;;) {
    const last = await lastRetryOf(context, await readRecord(context, retryOf));
    const state = shownState(last, context.facts, context.clock.now());
    if (isLive(state) || state === 'succeeded') return { id: last.id, retryOf, outcome: 'repeated' };
    const { id, deduplicated } = await enqueueAgain(context, last, deduplicatedId(`retry ${last.id}`));
    if (!deduplicated) return { id, retryOf, outcome: 'retried' };
    // Another call has enqueued it, and it may have ended already.
  }
}

/** The last retry that still has a record. */
async function lastRetryOf(context: FleetContext, record: JobRecord): Promise<JobRecord> {
  let last = record;
  for (;;) {
    const { retriedAs } = last;
    const next =
      retriedAs === undefined ? undefined : (await readRecords(context, [retriedAs])).get(retriedAs);
    if (!next) return last;
    last = next;
  }
}

/** @param onceId id of the new job; default: a random one */
async function enqueueAgain(context: FleetContext, record: JobRecord, onceId?: string): Promise<Enqueued> {
  const { id, limitSeconds, group, target, label, requestId, attributes } = record;
  const stage = explainStage(record);
  if (stage !== undefined) throw new WrongStateError(`Job ${id} cannot be retried: it ${stage}.`);
  const options = {
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    ...(target !== undefined && { target }),
    ...(label !== undefined && { label }),
    ...(requestId !== undefined && { requestId }),
  };
  const body = await readStoredBody(context, record, {
    failed: `Job ${id} cannot be retried`,
    dead: `Its message may be in the dead-letter queue: \`mayfly dlq redrive ${id}\` takes it from there.`,
    other: 'Enqueue it again from its source.',
  });
  const own = attributes === undefined ? {} : parseAttributes(attributes);
  const order = prepareJob(context.facts, onceId ?? createJobId(), body, options, own);
  const enqueued = await enqueuePrepared(context, {
    ...order,
    retryOf: id,
    repeated: selectRepeatedFields(record),
    isDeduplicated: onceId !== undefined,
  });
  await createJobIndex(context).markRetried(id, order.id);
  return enqueued;
}
