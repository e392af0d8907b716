import {
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { createBindingAttributes } from '../../jobs/binding.ts';
import { measureAttributes } from '../../jobs/dead-letter.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { SQS_MAX_BATCH_SIZE, SQS_MAX_MESSAGE_BYTES } from '../../lib/limits.ts';
import { createBodyStore } from '../../store/body-store.ts';
import { EntryError } from '../../store/job-queue.ts';
import type { FleetContext } from '../context.ts';
import { explainError, isRefusal } from '../explain.ts';
import type { PreparedJob } from './prepare.ts';

/** What became of a job's message. `unknown`: the call got no answer, so it may have been sent. */
export type SendResult = { kind: 'sent' } | { kind: 'refused' | 'unknown'; cause: unknown };

/** How often an entry is sent that SQS could not take although it is valid. */
const TRIES = 5;
const BACKOFF = { initialMs: 100, maxMs: 5000 };

/** Sends the message of one job, after the body if that is too long for a message. */
export async function sendJob(context: FleetContext, job: PreparedJob): Promise<void> {
  await putBody(context, job);
  const { clients, facts } = context;
  await clients.sqs.send(new SendMessageCommand({ QueueUrl: facts.queueUrl, ...createEntry(job) }));
}

/**
 * Sends the messages of jobs in parallel batches, after the bodies that are too long for a message. Rejects only if
 * such a body cannot be stored. Then no message was sent.
 */
export async function sendJobs(
  context: FleetContext,
  jobs: readonly PreparedJob[],
): Promise<Map<PreparedJob, SendResult>> {
  await Promise.all(jobs.map((job) => putBody(context, job)));
  const sendings = new Map<PreparedJob, SendResult>();
  await Promise.all(inBatches(jobs).map((batch) => sendBatch(context, batch, sendings)));
  return sendings;
}

/**
 * Puts a body that is too long for a message into the log bucket. An earlier job with the same deduplication key may
 * have left a body there. It is replaced, because the record now has the digest of this body.
 */
export async function putBody({ clients, facts }: FleetContext, job: PreparedJob): Promise<void> {
  const { id, text, viaBucket, isDeduplicated } = job;
  if (viaBucket) await createBodyStore(clients.s3, facts.logBucket).put(id, text, isDeduplicated);
}

/** At most ten messages and 1 MiB each. */
function inBatches(jobs: readonly PreparedJob[]): PreparedJob[][] {
  const batches: PreparedJob[][] = [];
  let room = 0;
  for (const job of jobs) {
    const bytes = Buffer.byteLength(job.message) + measureAttributes(createBindingAttributes(job.nonce));
    const last = batches.at(-1);
    if (last && last.length < SQS_MAX_BATCH_SIZE && bytes <= room) last.push(job);
    else {
      batches.push([job]);
      room = SQS_MAX_MESSAGE_BYTES;
    }
    room -= bytes;
  }
  return batches;
}

async function sendBatch(
  context: FleetContext,
  batch: readonly PreparedJob[],
  sendings: Map<PreparedJob, SendResult>,
): Promise<void> {
  let left = batch;
  for (let tries = 1; left.length > 0; tries += 1) {
    const again: PreparedJob[] = [];
    const failures = await callBatch(context, left);
    left.forEach((job, index) => {
      const failure = failures.get(index);
      sendings.set(job, failure ?? { kind: 'sent' });
      if (failure?.cause instanceof EntryError && !failure.cause.senderFault) again.push(job);
    });
    if (tries === TRIES) return;
    left = again;
    if (left.length > 0) await context.clock.sleep(backoffMs(BACKOFF, tries, context.random));
  }
}

/** Makes one call. Returns the messages that were not sent, by their index in the batch. */
async function callBatch(
  { clients, facts }: FleetContext,
  batch: readonly PreparedJob[],
): Promise<Map<number, Exclude<SendResult, { kind: 'sent' }>>> {
  const Entries = batch.map((job, index) => ({ Id: `${index}`, ...createEntry(job) }));
  try {
    const command = new SendMessageBatchCommand({ QueueUrl: facts.queueUrl, Entries });
    const { Failed = [] } = await clients.sqs.send(command);
    return new Map(
      Failed.map((entry) => [Number(entry.Id), { kind: 'refused', cause: new EntryError(entry) }]),
    );
  } catch (error) {
    const kind = isRefusal(error) ? 'refused' : 'unknown';
    return new Map(batch.map((_, index) => [index, { kind, cause: explainError(facts, error) }]));
  }
}

function createEntry({
  message,
  delaySeconds,
  nonce,
  attributes,
}: PreparedJob): Omit<SendMessageBatchRequestEntry, 'Id'> {
  const bound = { ...attributes, ...createBindingAttributes(nonce) };
  return {
    MessageBody: message,
    ...(delaySeconds !== undefined && { DelaySeconds: delaySeconds }),
    ...(Object.keys(bound).length > 0 && { MessageAttributes: bound }),
  };
}
