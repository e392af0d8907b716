import { SetQueueAttributesCommand, StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import type { JobRecord } from '../../../jobs/record.ts';
import { JobIndex } from '../../../store/job-index.ts';
import { type TestQueue, testQueues } from '../../support/test-queue.ts';

const open = testQueues();

const LOG_RUN = 'cat >> $JOURNAL; echo >> $JOURNAL; exit 65';

const message = (id: string, payload: string) => JSON.stringify({ mayfly: 1, id, payload });

const idsOf = async (bench: TestQueue) =>
  (await bench.deadLetters()).map(({ MessageAttributes }) => MessageAttributes?.['MayflyJobId']?.StringValue);

/** Lets an agent whose workers fail for good settle these messages, one after the other. */
async function settle(bench: TestQueue, ...bodies: string[]): Promise<void> {
  for (const body of bodies) await bench.send(body);
  const agent = await bench.agent(LOG_RUN);
  agent.work.resume();
  await bench.empty();
}

/** SQS's own redrive: each dead letter becomes a new message of the queue. */
async function redriveBySqs({ clients: { sqs }, queueUrl, deadLetterQueueUrl }: TestQueue): Promise<void> {
  const [DestinationArn, SourceArn] = [queueUrl, deadLetterQueueUrl].map(
    (url) => `arn:aws:sqs:us-east-1:000000000000:${url.split('/').at(-1)}`,
  );
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: SourceArn, maxReceiveCount: 1000 });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { RedrivePolicy } }));
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn }));
}

/** Records of jobs that are not known yet. */
async function recordsBeside({ clients }: TestQueue, known: Iterable<string>): Promise<JobRecord[]> {
  const before = new Set(known);
  const fresh: JobRecord[] = [];
  for await (const record of new JobIndex(clients.dynamodb, 'jobs').scan()) {
    if (!before.has(record.id)) fresh.push(record);
  }
  return fresh;
}

/** A failed job, as an agent leaves it that dies before it has settled the message. */
async function failed(bench: TestQueue, id: string): Promise<void> {
  const nowMs = Date.now();
  const lease = { nowMs, leaseUntilMs: nowMs + 60_000, enqueuedAtMs: nowMs };
  await bench.table.claim({ id, messageId: 'first', instance: 'i-other', fence: 'f', ...lease });
  await bench.table.finish(id, 'f', 'failed', { endedAtMs: nowMs, refund: 0 });
}

test('a message that is received again before it was dead-lettered is dead-lettered, and the record says so', async () => {
  const bench = await open();
  await failed(bench, 'in-between');
  await settle(bench, message('in-between', 'x'));
  expect(await bench.journal()).toEqual([]);
  expect(await idsOf(bench)).toEqual(['in-between']);
  expect(await bench.table.get('in-between')).toHaveProperty('deadLetteredAt');
});

test('a message that was sent before another of its job was dead-lettered is deleted', async () => {
  const bench = await open();
  await failed(bench, 'again');
  await bench.send(message('again', 'x'));
  await bench.table.writeDeadLettered('again', 'f', Date.now() + 1000);
  await settle(bench, message('again', 'x'));
  expect(await idsOf(bench)).toEqual([]);
});

test('dead letters that SQS redrives run again, as new jobs that name the old ones', async () => {
  const bench = await open();
  const others = (await recordsBeside(bench, [])).map(({ id }) => id);
  await settle(bench, message('dead', 'x'), 'plain');
  const first = (await recordsBeside(bench, others)).map(({ id }) => id);
  expect(first.toSorted()).toEqual(['dead', expect.stringMatching(/^m-/)]);
  await redriveBySqs(bench);
  await expect.poll(async () => (await bench.journal()).toSorted()).toEqual(['plain', 'plain', 'x', 'x']);
  await bench.empty();
  const again = await recordsBeside(bench, [...others, ...first]);
  expect(again.map(({ state }) => state)).toEqual(['failed', 'failed']);
  expect(again.map(({ retryOf }) => retryOf).toSorted()).toEqual(first.toSorted());
  expect((await idsOf(bench)).toSorted()).toEqual(again.map(({ id }) => id).toSorted());
});

test('a dead letter that had no room for its id is not deleted as superfluous when it is redriven', async () => {
  const bench = await open();
  await settle(bench, message('crowded', 'x'));
  await bench.send(message('crowded', 'x'));
  await bench.empty();
  expect(await idsOf(bench)).toEqual(['crowded', 'crowded']);
});

test('a table that refuses the note of a dead letter delays nothing, and no message is lost', async () => {
  const bench = await open();
  const fault = bench.cloud.faults.add({
    action: 'UpdateItem',
    when: (input) => JSON.stringify(input).includes('deadLetteredAt'),
    effect: { kind: 'error', code: 'AccessDeniedException', status: 400 },
  });
  await settle(bench, message('unnoted', 'one'), message('unnoted', 'two'));
  expect(fault.timesApplied).toBe(2);
  expect(await idsOf(bench)).toEqual(['unnoted', 'unnoted']);
});

test('a broken message with the id of a job does not affect the job, nor the other way round', async () => {
  const bench = await open();
  const broken = JSON.stringify({ mayfly: 1, id: 'mixed', payload: 'x', limitSeconds: 0 });
  await settle(bench, broken, message('mixed', 'x'), broken);
  const own = expect.stringMatching(/^m-/);
  expect((await idsOf(bench)).toSorted()).toEqual([own, own, 'mixed']);
});

test('an id that is free again after a clean-up is one job, although an old message of it still exists', async () => {
  const bench = await open();
  const catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
  await failed(bench, 'freed');
  const ended = (await bench.table.get('freed')) as JobRecord;
  const nowMs = Date.now();
  await catalogue.markRemoved(ended, nowMs, Math.ceil(nowMs / 1000) + 60);
  const record: JobRecord = { pk: 'job#freed', id: 'freed', state: 'queued', attempts: 0 };
  expect(await catalogue.createOnce(record)).toBe(true);
  await settle(bench, message('freed', 'x'), message('freed', 'x'));
  expect(await bench.journal()).toEqual(['x']);
});
