import { digestOfBody } from '../../store/bodies.ts';
import { JobCatalogue } from '../../store/catalogue.ts';
import type { JobRecord, JobState } from '../../jobs/record.ts';
import type { Body } from './body.ts';
import { awsTime, type FleetContext } from '../context.ts';
import { BadBody } from '../errors.ts';
import { isRefusal } from '../explain.ts';
import { drawId } from './ids.ts';
import { type JobOptions, type Order, orderOf, recordOf } from './order.ts';
import { putBody, sendOne } from './send.ts';
import { stateOf } from '../jobs/view.ts';

export interface Enqueued {
  id: string;
  /** There was one with this dedupe key already: nothing new is to be done. */
  deduplicated: boolean;
  state: JobState;
}

/**
 * Enqueues one job: first its record, so that an id which was given out is known, then its message.
 *
 * Rejects with `BadBody`, `WrongOption` or `NotTracked` before anything was sent.
 */
export async function enqueue(context: FleetContext, body: Body, options: JobOptions): Promise<Enqueued> {
  return enqueueOrder(context, orderOf(context.facts, drawId(), body, options));
}

export async function enqueueOrder(context: FleetContext, order: Order): Promise<Enqueued> {
  const { facts, clients } = context;
  const { id } = order;
  if (facts.trackJobs) {
    const catalogue = new JobCatalogue(clients.dynamodb, facts.table, context);
    const earlier = await recordOnce(context, catalogue, order);
    if (earlier) return again(context, order, earlier);
    await deliver(context, order).catch(async (error: unknown) => {
      // A message that was refused will not come: no record may wait for it.
      if (isRefusal(error) && !order.deduped)
        await catalogue.remove(id, { onlyEnded: false }).catch(() => {});
      throw error;
    });
  } else {
    await deliver(context, order);
  }
  return { id, deduplicated: false, state: 'queued' };
}

/**
 * Writes the job's record, or returns the one that there is. One whose message is lost gives its place up. The order has
 * the record's nonce then.
 */
export async function recordOnce(
  context: FleetContext,
  catalogue: JobCatalogue,
  order: Order,
): Promise<JobRecord | undefined> {
  const { facts } = context;
  for (;;) {
    const nowMs = await awsTime(context);
    if (await catalogue.createOnce(recordOf(order, context, nowMs))) return undefined;
    const earlier = (await catalogue.getMany([order.id])).get(order.id);
    if (!earlier) {
      // Cleaned up; or gone between the two calls: its time to live.
      order.nonce = (await catalogue.leftNonce(order.id)) ?? order.nonce;
      continue;
    }
    if (stateOf(earlier, facts, nowMs) !== 'lost' || earlier.state === 'lost') {
      order.nonce = earlier.nonce;
      return earlier;
    }
    await catalogue.remove(order.id, { onlyEnded: false });
  }
}

/** The sender of the first one may have died before its message: then it is sent now. Twice is harmless: one id, one job. */
async function again(context: FleetContext, order: Order, earlier: JobRecord): Promise<Enqueued> {
  if (mayBeUnsent(earlier)) {
    refuseOtherBody(order, earlier);
    await deliver(context, order);
  }
  return {
    id: order.id,
    deduplicated: true,
    state: stateOf(earlier, context.facts, context.clock.now()),
  };
}

/** The body in the bucket is the first one's, or will be: the agent compares it with the record. */
export function refuseOtherBody({ id, text, viaBucket }: Order, { bodyDigest }: JobRecord): void {
  if (!viaBucket || bodyDigest === undefined || bodyDigest === digestOfBody(text)) return;
  throw new BadBody(
    `The job was not enqueued: job ${id} is queued with another body, and has the same dedupe key. Wait for its end, or ` +
      'cancel it and clean it up.',
  );
}

/** Whether nobody has seen the job's message. */
export function mayBeUnsent({ state, attempts, startedAt }: JobRecord): boolean {
  return state === 'queued' && attempts === 0 && startedAt === undefined;
}

async function deliver(context: FleetContext, order: Order): Promise<void> {
  await putBody(context, order);
  await sendOne(context, order);
}
