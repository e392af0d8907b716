import {
  type Message,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Queues } from '../../support/queues.ts';

/** "SendMessage": the characters that a group may have. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const LONGEST = 'g'.repeat(128);

let queues: Queues;
beforeAll(async () => {
  queues = await Queues.start();
});
afterAll(() => queues.close());

const sendBatch = (QueueUrl: string, Entries: SendMessageBatchRequestEntry[]) =>
  queues.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
const groupsOf = (messages: Message[]) =>
  Object.fromEntries(messages.map(({ Body, Attributes }) => [Body, Attributes?.MessageGroupId]));

describe('a group of a message in a standard queue', () => {
  test.each(['request-7', 'family/group', PUNCTUATION, LONGEST, '0'])(
    'is received on request as it was sent: %s',
    async (MessageGroupId) => {
      const { url } = await queues.create();
      await queues.sendWith(url, { MessageBody: '🐛 a', MessageGroupId });
      const hidden = { VisibilityTimeout: 0 };
      const [all] = await queues.receive(url, hidden);
      expect(all).toMatchObject({
        Body: '🐛 a',
        Attributes: { MessageGroupId, ApproximateReceiveCount: '1' },
      });
      expect(all?.Attributes).not.toHaveProperty('MessageDeduplicationId');
      expect(all?.Attributes).not.toHaveProperty('SequenceNumber');
      const names = { MessageSystemAttributeNames: ['MessageGroupId' as const] };
      const [named] = await queues.receive(url, { ...hidden, ...names, WaitTimeSeconds: 5 });
      expect(named?.Attributes).toEqual({ MessageGroupId });
      const [unasked] = await queues.receive(url, { MessageSystemAttributeNames: [], WaitTimeSeconds: 5 });
      expect(unasked).toMatchObject({ Body: '🐛 a' });
      expect(unasked?.Attributes).toBeUndefined();
    },
  );

  test('belongs to its entry of a batch, whose other entries have another group, none, or are refused', async () => {
    const { url } = await queues.create({ MaximumMessageSize: '1024' });
    const output = await sendBatch(url, [
      { Id: 'a', MessageBody: 'a', MessageGroupId: 'A' },
      { Id: 'long', MessageBody: 'x'.repeat(1025), MessageGroupId: 'long' },
      { Id: 'none', MessageBody: 'none' },
      { Id: 'bad', MessageBody: 'bad', MessageGroupId: 'a b' },
      { Id: 'b', MessageBody: 'b', MessageGroupId: 'B' },
    ]);
    expect(output.Successful?.map(({ Id }) => Id)).toEqual(['a', 'none', 'b']);
    expect(output.Failed?.map(({ Id }) => Id).sort()).toEqual(['bad', 'long']);
    expect(groupsOf(await queues.receive(url))).toEqual({ a: 'A', none: undefined, b: 'B' });
  });

  test('belongs to its message also if others with equal bodies are sent at the same time', async () => {
    const { url } = await queues.create();
    const other = await queues.create();
    const groups = Array.from({ length: 10 }, (_, index) => `g${index}`);
    await Promise.all([
      ...groups.map((MessageGroupId) => queues.sendWith(url, { MessageBody: 'x', MessageGroupId })),
      ...groups.map(() => queues.send(other.url, 'x')),
    ]);
    const received = await queues.receive(url);
    expect(received.map(({ Attributes }) => Attributes?.MessageGroupId).sort()).toEqual(groups);
    const without = await queues.receive(other.url);
    expect(without).toHaveLength(10);
    expect(groupsOf(without)).toEqual({ x: undefined });
  });

  test('is there when a receive that waited gets the message', async () => {
    const { url } = await queues.create();
    const waiting = queues.receive(url, { WaitTimeSeconds: 20 });
    await queues.counts(url);
    await queues.sendWith(url, { MessageBody: 'x', MessageGroupId: 'g' });
    expect(groupsOf(await waiting)).toEqual({ x: 'g' });
  });

  test('neither deduplicates nor orders, and blocks no other message of it', async () => {
    const { url } = await queues.create();
    const same = { MessageBody: 'x', MessageGroupId: 'g' };
    await queues.sendWith(url, same);
    await queues.sendWith(url, same);
    await sendBatch(url, [
      { Id: 'a', ...same },
      { Id: 'late', ...same, MessageBody: 'late', DelaySeconds: 900 },
    ]);
    const first = await queues.receive(url, { MaxNumberOfMessages: 1 });
    // The first is in flight. In a FIFO queue the others of its group would wait for it.
    const others = await queues.receive(url);
    expect([...first, ...others].map(({ Body }) => Body)).toEqual(['x', 'x', 'x']);
    expect(new Set([...first, ...others].map(({ MessageId }) => MessageId)).size).toBe(3);
  });

  test('stays with a message that SQS moves to the dead-letter queue and back', async () => {
    const { dead, source } = await queues.createPair();
    await queues.sendWith(source.url, { MessageBody: 'x', MessageGroupId: 'g' });
    await queues.receive(source.url, { VisibilityTimeout: 0 });
    await queues.receive(source.url);
    expect(groupsOf(await queues.receive(dead.url, { VisibilityTimeout: 0 }))).toEqual({ x: 'g' });
    await queues.sqs.send(new StartMessageMoveTaskCommand({ SourceArn: dead.arn }));
    expect(groupsOf(await queues.receive(source.url, { WaitTimeSeconds: 20 }))).toEqual({ x: 'g' });
  });

  test.each([
    ['nothing', ''],
    ['a space', 'a b'],
    ['a line break', 'a\n'],
    ['a letter beyond ASCII', 'Gruppe-ä'],
    ['129 characters', 'g'.repeat(129)],
  ])('is refused as AWS refuses it: %s', async (_, MessageGroupId) => {
    const { url } = await queues.create();
    const message = `Value ${MessageGroupId} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.`;
    const sent = queues.sendWith(url, { MessageBody: 'x', MessageGroupId });
    await expect(sent).rejects.toMatchObject({ name: 'InvalidParameterValue', message });
    const { Successful, Failed } = await sendBatch(url, [
      { Id: 'bad', MessageBody: 'x', MessageGroupId },
      { Id: 'good', MessageBody: 'good', MessageGroupId: 'g' },
    ]);
    expect(Failed).toEqual([
      { Id: 'bad', SenderFault: true, Code: 'InvalidParameterValue', Message: message },
    ]);
    expect(Successful).toMatchObject([{ Id: 'good' }]);
    expect(groupsOf(await queues.receive(url))).toEqual({ good: 'g' });
  });
});

test('an id for deduplication is refused in a standard queue, not in a FIFO queue', async () => {
  const { url } = await queues.create();
  const message = { MessageBody: 'x', MessageGroupId: 'g', MessageDeduplicationId: 'once' };
  await expect(queues.sendWith(url, message)).rejects.toMatchObject({
    name: 'InvalidParameterValue',
    message: expect.stringContaining('not valid for this queue type'),
  });
  expect(await queues.counts(url)).toEqual([0, 0]);
  const fifo = await queues.create({ FifoQueue: 'true' });
  await queues.sendWith(fifo.url, message);
  await queues.sendWith(fifo.url, message);
  const [received, ...more] = await queues.receive(fifo.url);
  expect(received?.Attributes).toMatchObject({ MessageGroupId: 'g', MessageDeduplicationId: 'once' });
  expect(more).toEqual([]);
});
