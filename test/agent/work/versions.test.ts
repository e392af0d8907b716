import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { createSeed, deduplicatedId, jobId } from '../../../client/enqueue/ids.ts';
import { createBodyStore } from '../../../store/body-store.ts';
import { toItem } from '../../../store/item.ts';
import { JobIndex } from '../../../store/job-index.ts';
import { fleetsWithAgent } from '../../support/fleet-with-agent.ts';
import type { TestQueue } from '../../support/test-queue.ts';

/** Agents and clients of the version before messages were bound to records, together with those of this one. */
const open = fleetsWithAgent();

const LOG_RUN = 'echo "$MAYFLY_JOB_ID $(cat)" >> $JOURNAL';

/** The record that an earlier client writes before its message. */
async function recordByOldClient(bench: TestQueue, id: string, body: string, more: object = {}) {
  const catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
  const enqueuedAt = new Date().toISOString();
  const record = { pk: `job#${id}`, id, state: 'queued', attempts: 0, enqueuedAt, body, ...more } as const;
  expect(await catalogue.createOnce(record)).toBe(true);
}

async function enqueueByOldClient(bench: TestQueue, id: string, body: string): Promise<void> {
  await recordByOldClient(bench, id, body);
  await bench.send(JSON.stringify({ mayfly: 1, id, payload: body }));
}

/** The claim of an earlier agent. Returns whether it has the job. */
async function claimByOldAgent(bench: TestQueue, id: string, messageId: string): Promise<void> {
  const free = 'attribute_not_exists(cancelRequestedAt) AND NOT fence = :fence';
  const nowMs = Date.now();
  const startedAt = new Date(nowMs).toISOString();
  await bench.clients.dynamodb.send(
    new UpdateItemCommand({
      TableName: 'jobs',
      Key: toItem({ pk: `job#${id}` }),
      ConditionExpression:
        `attribute_not_exists(pk) OR #state = :queued AND ${free} OR #state = :running AND leaseUntilMs < :now AND ` +
        free,
      UpdateExpression:
        'SET id = :id, messageId = :messageId, instance = :instance, fence = :fence, leaseUntilMs = :until, ' +
        '#state = :running, startedAt = :startedAt, listing = :listing, ' +
        'tries = list_append(if_not_exists(tries, :none), :tries) ADD attempts :one REMOVE endedAt, expires',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: toItem({
        ':queued': 'queued',
        ':running': 'running',
        ':now': nowMs,
        ':id': id,
        ':messageId': messageId,
        ':instance': 'i-old',
        ':fence': 'old',
        ':until': nowMs + 60_000,
        ':startedAt': startedAt,
        ':listing': 'running#i-old',
        ':none': [],
        ':tries': [{ key: 'old', instance: 'i-old', startedAt }],
        ':one': 1,
      }),
    }),
  );
}

/** One job after the other: the message of a running job is hidden until its lease has ended. */
async function workOneByOne(bench: TestQueue): Promise<void> {
  const agent = await bench.agent(LOG_RUN, { concurrency: 1 });
  agent.work.resume();
  await bench.empty();
}

describe('an agent runs what an earlier client has enqueued', () => {
  test.each([
    ['with an id that was drawn', 'j-old'],
    ['with a dedupe key', deduplicatedId('old')],
    ['as one of a batch', 'j-abcdefghijkl-7'],
  ])('%s', async (_, id) => {
    const { bench, startAgent } = await open();
    await enqueueByOldClient(bench, id, 'x');
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual([`${id} x`]);
    expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(await bench.deadLetters()).toEqual([]);
  });

  test('with its body in the bucket, whose digest its record does not have', async () => {
    const { bench, fleet, startAgent } = await open();
    await recordByOldClient(bench, 'j-long-body', '', { body: undefined, bodyKey: 'bodies/j-long-body' });
    await createBodyStore(bench.clients.s3, fleet.facts.logBucket).put('j-long-body', 'x');
    await bench.send(JSON.stringify({ mayfly: 1, id: 'j-long-body', bodyKey: 'bodies/j-long-body' }));
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual(['j-long-body x']);
  });

  test('and tries it again after an earlier agent', async () => {
    const { bench, startAgent } = await open();
    await enqueueByOldClient(bench, 'j-tried', 'x');
    await claimByOldAgent(bench, 'j-tried', 'm');
    await bench.table.requeue('j-tried', 'old', { endedAtMs: Date.now(), refund: 0 });
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.table.get('j-tried')).toMatchObject({ state: 'succeeded', attempts: 2 });
  });

  test('once, although a client of this version sends it again under its dedupe key', async () => {
    const { bench, fleet } = await open();
    const id = deduplicatedId('sent twice');
    await enqueueByOldClient(bench, id, 'x');
    expect(await fleet.enqueue('x', { dedupe: 'sent twice' })).toMatchObject({ id, deduplicated: true });
    await fleet.enqueueMany([{ body: 'x', dedupe: 'sent twice' }]);
    expect((await bench.depth()).visible).toBe(3);
    await workOneByOne(bench);
    expect(await bench.journal()).toEqual([`${id} x`]);
    expect(await bench.deadLetters()).toEqual([]);
  });

  test('although a client of this version has sent it, and died before its message', async () => {
    const { bench, fleet, startAgent } = await open();
    const id = deduplicatedId('never sent');
    await recordByOldClient(bench, id, 'x');
    await fleet.enqueue('x', { dedupe: 'never sent' });
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual([`${id} x`]);
  });

  test('with a longer limit than this version allows by default', async () => {
    const { bench, startAgent } = await open();
    await recordByOldClient(bench, 'j-long', 'x', { limitSeconds: 7200 });
    await bench.send(JSON.stringify({ mayfly: 1, id: 'j-long', payload: 'x', limitSeconds: 7200 }));
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual(['j-long x']);
  });

  test('with a label, which it called a group', async () => {
    const { bench, fleet, startAgent } = await open();
    await recordByOldClient(bench, 'j-grouped', 'x', { group: 'nightly' });
    await bench.send(JSON.stringify({ mayfly: 1, id: 'j-grouped', payload: 'x', group: 'nightly' }));
    expect((await fleet.list({ label: 'nightly' })).map(({ id, label }) => [id, label])).toEqual([
      ['j-grouped', 'nightly'],
    ]);
    await startAgent('echo "$MAYFLY_JOB_ID $MAYFLY_LABEL" >> $JOURNAL');
    await bench.empty();
    expect(await bench.journal()).toEqual(['j-grouped nightly']);
    expect(await fleet.status('j-grouped')).toMatchObject({ state: 'succeeded', label: 'nightly' });
  });

  test('and its dead letter, which an earlier agent wrote and SQS redrives', async () => {
    const { bench, startAgent } = await open();
    const failed = { state: 'failed', attempts: 3, endedAt: new Date().toISOString() } as const;
    await recordByOldClient(bench, 'j-dead', 'x', failed);
    const text = (value: string) => ({ DataType: 'String', StringValue: value });
    const body = JSON.stringify({ mayfly: 1, id: 'j-dead', payload: 'x' });
    const dead = { MayflyReason: text('exit status 1'), MayflyJobId: text('j-dead') };
    const messageId = await bench.send(body, dead);
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual([`m-${messageId} x`]);
  });
});

describe('what a client of this version enqueues', () => {
  test('an earlier agent reads and claims, and an agent of this version goes on with it', async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('x', { limitSeconds: 60, label: 'l', requestId: 'r' });
    const { Messages: [message] = [] } = await bench.clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: bench.queueUrl, VisibilityTimeout: 0 }),
    );
    // An earlier agent refuses an envelope with unknown keys.
    expect(Object.keys(JSON.parse(message?.Body ?? '')).toSorted()).toEqual([
      'id',
      'limitSeconds',
      'mayfly',
      'payload',
      'requestId',
    ]);
    await claimByOldAgent(bench, id, message?.MessageId ?? '');
    await bench.table.requeue(id, 'old', { endedAtMs: Date.now(), refund: 1 });
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual([`${id} x`]);
    expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1, label: 'l' });
    expect(await bench.deadLetters()).toEqual([]);
  });

  test('reaches an earlier agent through the bucket, too', async () => {
    const { bench, fleet } = await open();
    const { id } = await fleet.enqueue('x'.repeat(1_100_000));
    const { Messages: [message] = [] } = await bench.clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: bench.queueUrl }),
    );
    expect(JSON.parse(message?.Body ?? '')).toEqual({ mayfly: 1, id, bodyKey: `bodies/${id}` });
  });
});

test('a resumed run of an earlier client keeps its ids', () => {
  expect(jobId('abcdefghijkl', 7)).toBe('j-abcdefghijkl-7');
  expect(jobId('mine', 7)).toBe('j-mine-7');
  const digest = 'abcdefghijklmnopqrstuvw0';
  expect(jobId(digest, 7)).toBe(`j-${digest}-7`);
  expect(jobId(createSeed(), 7)).toMatch(/^j-[a-z2-7]{24}$/);
});

test('a job that was cleaned up and is enqueued again is one job, even if its first message still exists', async () => {
  const { bench, fleet } = await open();
  const { id } = await fleet.enqueue('x', { dedupe: 'cleaned' });
  await fleet.cleanup([id], { force: true });
  expect(await fleet.enqueue('x', { dedupe: 'cleaned' })).toMatchObject({ id, deduplicated: false });
  expect((await bench.depth()).visible).toBe(2);
  await workOneByOne(bench);
  expect(await bench.journal()).toEqual([`${id} x`]);
  expect(await bench.deadLetters()).toEqual([]);
});
