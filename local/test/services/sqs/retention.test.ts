import { DeleteMessageCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Queues } from '../../support/queues.ts';

const MINUTE_MS = 60_000;
let queues: Queues;
beforeAll(async () => {
  queues = await Queues.start();
});
afterAll(() => queues.close());

test('a message is deleted after MessageRetentionPeriod', async () => {
  const { url } = await queues.create({ MessageRetentionPeriod: '120' });
  await queues.send(url, 'old');
  await queues.clock.advance(MINUTE_MS);
  await queues.send(url, 'young');
  await queues.clock.advance(MINUTE_MS - 1);
  expect(await queues.counts(url)).toEqual([2, 0]);
  await queues.clock.advance(1000);
  expect(await queues.counts(url)).toEqual([1, 0]);
  expect(await queues.bodies(url)).toEqual(['young']);
});

test('a message in flight is deleted too, and its DeleteMessage is not an error', async () => {
  const { url: QueueUrl } = await queues.create({ MessageRetentionPeriod: '60' });
  await queues.send(QueueUrl, 'held');
  const [message] = await queues.receive(QueueUrl, { VisibilityTimeout: 600 });
  await queues.clock.advance(MINUTE_MS + 1000);
  expect(await queues.counts(QueueUrl)).toEqual([0, 0]);
  const { ReceiptHandle } = message ?? {};
  await queues.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
});

test('a dead letter keeps its original date', async () => {
  const { dead, source } = await queues.createPair({
    dead: { MessageRetentionPeriod: '180' },
    source: { MessageRetentionPeriod: '120' },
  });
  await queues.send(source.url, 'poison');
  const [first] = await queues.receive(source.url, { VisibilityTimeout: 0 });
  await queues.clock.advance(1.5 * MINUTE_MS);
  expect(await queues.receive(source.url)).toEqual([]);
  const [letter] = await queues.receive(dead.url, { VisibilityTimeout: 0 });
  expect(letter?.Attributes).toMatchObject({
    SentTimestamp: first?.Attributes?.SentTimestamp,
    DeadLetterQueueSourceArn: source.arn,
  });
  await queues.clock.advance(MINUTE_MS);
  expect(await queues.counts(dead.url)).toEqual([1, 0]);
  await queues.clock.advance(MINUTE_MS);
  expect(await queues.counts(dead.url)).toEqual([0, 0]);
});

test('a new period applies to existing messages', async () => {
  const { url: QueueUrl } = await queues.create({ MessageRetentionPeriod: '3600' });
  await queues.send(QueueUrl, 'job');
  await queues.clock.advance(2 * MINUTE_MS);
  const Attributes = { MessageRetentionPeriod: '60' };
  await queues.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  expect(await queues.counts(QueueUrl)).toEqual([0, 0]);
});

test('a FIFO queue deletes them too', async () => {
  const Attributes = { FifoQueue: 'true', ContentBasedDeduplication: 'true', MessageRetentionPeriod: '60' };
  const answer = await queues.cloud.call('sqs', 'CreateQueue', { QueueName: 'ordered.fifo', Attributes });
  const url = String(answer['QueueUrl']);
  const send = (MessageBody: string) => queues.sendWith(url, { MessageBody, MessageGroupId: 'group' });
  await send('held');
  await send('waiting');
  expect(await queues.receive(url)).toMatchObject([{ Body: 'held' }]);
  await queues.clock.advance(MINUTE_MS + 1000);
  await send('next');
  expect(await queues.receive(url)).toMatchObject([{ Body: 'next' }]);
});
