import {
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { bindingAttributes } from '../../jobs/binding.ts';
import { LARGEST_BATCH, LARGEST_MESSAGE_BYTES } from '../../lib/limits.ts';
import { bodyStore } from '../../store/bodies.ts';
import { sizeOf } from '../../jobs/dead-letter.ts';
import { EntryError } from '../../store/queue.ts';
import { backoffMs } from '../../policy/backoff.ts';
import type { FleetContext } from '../context.ts';
import { explain, isRefusal } from '../explain.ts';
import type { Order } from './order.ts';

/** What came of sending a job's message; `unknown`: the call got no answer. */
export type Sending = { kind: 'sent' } | { kind: 'refused' | 'unknown'; cause: unknown };

/** Of entries that a batch call could not take, though nothing is wrong with them. */
const TRIES = 5;
const BACKOFF = { initialMs: 100, maxMs: 5000 };

export async function sendOne({ clients, facts }: FleetContext, order: Order): Promise<void> {
  await clients.sqs.send(new SendMessageCommand({ QueueUrl: facts.queueUrl, ...entryOf(order) }));
}

/**
 * What is too long for a message goes to the log bucket before it. A body there of the same dedupe key is that of an
 * earlier job, whose record it outlives: the record that there is now has the digest of this order's body.
 */
export async function putBody({ clients, facts }: FleetContext, order: Order): Promise<void> {
  const { id, text, viaBucket, deduped } = order;
  if (viaBucket) await bodyStore(clients.s3, facts.logBucket).put(id, text, deduped);
}

/** Sends the messages, as many a call as SQS takes, all calls at the same time. Never rejects. */
export async function sendAll(context: FleetContext, orders: readonly Order[]): Promise<Map<Order, Sending>> {
  const sendings = new Map<Order, Sending>();
  await Promise.all(batched(orders).map((batch) => sendBatch(context, batch, sendings)));
  return sendings;
}

/** By ten, and by 1 MiB together. */
export function batched(orders: readonly Order[]): Order[][] {
  const batches: Order[][] = [];
  let room = 0;
  for (const order of orders) {
    const bytes = Buffer.byteLength(order.message) + sizeOf(bindingAttributes(order.nonce));
    const last = batches.at(-1);
    if (last && last.length < LARGEST_BATCH && bytes <= room) last.push(order);
    else {
      batches.push([order]);
      room = LARGEST_MESSAGE_BYTES;
    }
    room -= bytes;
  }
  return batches;
}

async function sendBatch(
  context: FleetContext,
  batch: readonly Order[],
  sendings: Map<Order, Sending>,
): Promise<void> {
  let left = batch;
  for (let tries = 1; left.length > 0; tries += 1) {
    const again: Order[] = [];
    const failures = await callBatch(context, left);
    left.forEach((order, index) => {
      const failure = failures.get(index);
      sendings.set(order, failure ?? { kind: 'sent' });
      if (failure?.cause instanceof EntryError && !failure.cause.senderFault) again.push(order);
    });
    if (tries === TRIES) return;
    left = again;
    if (left.length > 0) await context.clock.sleep(backoffMs(BACKOFF, tries, context.random));
  }
}

/** One call. Returns what was not sent, by its place. */
async function callBatch(
  { clients, facts }: FleetContext,
  batch: readonly Order[],
): Promise<Map<number, Exclude<Sending, { kind: 'sent' }>>> {
  const Entries = batch.map((order, index) => ({ Id: `${index}`, ...entryOf(order) }));
  try {
    const command = new SendMessageBatchCommand({ QueueUrl: facts.queueUrl, Entries });
    const { Failed = [] } = await clients.sqs.send(command);
    return new Map(
      Failed.map((entry) => [Number(entry.Id), { kind: 'refused', cause: new EntryError(entry) }]),
    );
  } catch (error) {
    const kind = isRefusal(error) ? 'refused' : 'unknown';
    return new Map(batch.map((_, index) => [index, { kind, cause: explain(facts, error) }]));
  }
}

function entryOf({
  message,
  delaySeconds,
  nonce,
  attributes,
}: Order): Omit<SendMessageBatchRequestEntry, 'Id'> {
  const bound = { ...attributes, ...bindingAttributes(nonce) };
  return {
    MessageBody: message,
    ...(delaySeconds !== undefined && { DelaySeconds: delaySeconds }),
    ...(Object.keys(bound).length > 0 && { MessageAttributes: bound }),
  };
}
