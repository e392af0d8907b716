import {
  CancelMessageMoveTaskCommand,
  DeleteQueueCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
  type StartMessageMoveTaskCommandInput,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Queues } from '../../support/queues.ts';

let queues: Queues;
beforeAll(async () => {
  queues = await Queues.start();
});
afterAll(() => queues.close());

const start = (SourceArn: string, more: Partial<StartMessageMoveTaskCommandInput> = {}) =>
  queues.sqs.send(new StartMessageMoveTaskCommand({ SourceArn, ...more }));
const tasks = async (SourceArn: string, MaxResults?: number) =>
  (await queues.sqs.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults }))).Results ?? [];
/** The newest task of a queue, once it has ended. */
const ended = async (SourceArn: string) => {
  await expect.poll(async () => (await tasks(SourceArn))[0]?.Status).not.toMatch(/RUNNING|CANCELLING/);
  return (await tasks(SourceArn))[0];
};

/** A queue and a dead-letter queue that holds these messages, moved there by SQS. */
async function deadLetters(...bodies: string[]) {
  const pair = await queues.createPair();
  await queues.send(pair.source.url, ...bodies);
  await queues.receive(pair.source.url, { VisibilityTimeout: 0 });
  await queues.receive(pair.source.url);
  expect(await queues.counts(pair.dead.url)).toEqual([bodies.length, 0]);
  return pair;
}

describe('a task', () => {
  test('moves dead letters back to their source queue, as new messages', async () => {
    const { dead, source } = await deadLetters('a', 'b');
    const [before] = await queues.receive(dead.url, { VisibilityTimeout: 0, MaxNumberOfMessages: 1 });
    await queues.clock.advance(60_000);
    const { TaskHandle } = await start(dead.arn);
    expect(TaskHandle).toMatch(/.+/);
    expect(await ended(dead.arn)).toEqual({
      ...{ Status: 'COMPLETED', SourceArn: dead.arn, StartedTimestamp: queues.clock.now() },
      ...{ ApproximateNumberOfMessagesMoved: 2, ApproximateNumberOfMessagesToMove: 2 },
    });
    expect(await queues.counts(dead.url)).toEqual([0, 0]);
    const moved = await queues.receive(source.url);
    expect(moved.map(({ Body }) => Body).sort()).toEqual(['a', 'b']);
    const again = moved.find(({ Body }) => Body === before?.Body);
    expect(again?.MessageId).not.toBe(before?.MessageId);
    expect(again?.Attributes).toMatchObject({
      SentTimestamp: String(queues.clock.now()),
      ApproximateReceiveCount: '1',
    });
  });

  test('moves them to the named queue, with their attributes', async () => {
    const { dead } = await queues.createPair();
    const other = await queues.create();
    const MessageAttributes = { MayflyReason: { DataType: 'String', StringValue: 'failed' } };
    await queues.sendWith(dead.url, { MessageBody: '🐛', MessageAttributes });
    await start(dead.arn, { DestinationArn: other.arn });
    expect(await ended(dead.arn)).toMatchObject({ Status: 'COMPLETED', DestinationArn: other.arn });
    const [moved] = await queues.receive(other.url, { MessageAttributeNames: ['All'] });
    expect(moved).toMatchObject({ Body: '🐛', MessageAttributes });
  });

  test('fails if the source of a message is unknown, and loses nothing', async () => {
    const { dead } = await queues.createPair();
    await queues.send(dead.url, 'sent here');
    await start(dead.arn);
    const FailureReason = 'CouldNotDetermineMessageSource';
    expect(await ended(dead.arn)).toMatchObject({ Status: 'FAILED', FailureReason });
    expect(await queues.counts(dead.url)).toEqual([1, 0]);
  });

  test('fails if its destination was deleted, and loses nothing', async () => {
    const { dead, source } = await deadLetters('a');
    const other = await queues.create();
    await queues.send(dead.url, 'b');
    const perSecond = { DestinationArn: other.arn, MaxNumberOfMessagesPerSecond: 1 };
    await start(dead.arn, perSecond);
    await expect.poll(async () => (await tasks(dead.arn))[0]?.ApproximateNumberOfMessagesMoved).toBe(1);
    await queues.sqs.send(new DeleteQueueCommand({ QueueUrl: other.url }));
    await queues.clock.advance(1000);
    expect(await ended(dead.arn)).toMatchObject({ Status: 'FAILED' });
    expect(await queues.counts(dead.url)).toEqual([1, 0]);
    expect(await queues.counts(source.url)).toEqual([0, 0]);
  });

  test('keeps to its rate, is the only one of its queue, and can be cancelled', async () => {
    const { dead, source } = await deadLetters('a', 'b', 'c', 'd', 'e');
    const moved = async () => (await tasks(dead.arn))[0]?.ApproximateNumberOfMessagesMoved;
    const { TaskHandle } = await start(dead.arn, { MaxNumberOfMessagesPerSecond: 2 });
    await expect.poll(moved).toBe(2);
    await expect(start(dead.arn)).rejects.toMatchObject({
      message: expect.stringContaining('There is already a task running.'),
    });
    expect((await tasks(dead.arn))[0]).toMatchObject({ TaskHandle, Status: 'RUNNING' });
    await queues.clock.advance(1000);
    await expect.poll(moved).toBe(4);
    const cancelled = await queues.sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    expect(cancelled.ApproximateNumberOfMessagesMoved).toBe(4);
    await queues.clock.advance(1000);
    expect(await ended(dead.arn)).toMatchObject({ Status: 'CANCELLED' });
    expect([await queues.counts(dead.url), await queues.counts(source.url)]).toEqual([
      [1, 0],
      [4, 0],
    ]);
    const again = queues.sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    await expect(again).rejects.toThrow('Only active tasks can be cancelled.');
    await start(dead.arn);
    await ended(dead.arn);
    expect((await tasks(dead.arn, 10)).map(({ Status }) => Status)).toEqual(['COMPLETED', 'CANCELLED']);
  });

  test.each<[string, () => Promise<[string, object?]>, object]>([
    [
      'a queue that is not a dead-letter queue',
      async () => [(await queues.create()).arn],
      { message: 'Source queue must be configured as a Dead Letter Queue.' },
    ],
    [
      'no queue',
      async () => ['arn:aws:sqs:us-east-1:000000000000:none'],
      { name: 'ResourceNotFoundException' },
    ],
    [
      'a destination that does not exist',
      async () => [
        (await queues.createPair()).dead.arn,
        { DestinationArn: 'arn:aws:sqs:us-east-1:000000000000:none' },
      ],
      { name: 'ResourceNotFoundException' },
    ],
    [
      'more than 500 messages a second',
      async () => [(await queues.createPair()).dead.arn, { MaxNumberOfMessagesPerSecond: 501 }],
      { message: expect.stringContaining('MaxNumberOfMessagesPerSecond') },
    ],
  ])('of %s is refused', async (_, arrange, error) => {
    const [arn, more] = await arrange();
    await expect(start(arn, more)).rejects.toMatchObject(error);
  });

  test('may do only what its caller may do', async () => {
    const { dead, source } = await deadLetters('a');
    const role = 'arn:aws:iam::000000000000:role/mover';
    const trust = '{"Statement":[]}';
    await queues.cloud.call('iam', 'CreateRole', { RoleName: 'mover', AssumeRolePolicyDocument: trust });
    const permit = (...Action: string[]) =>
      queues.cloud.call('iam', 'PutRolePolicy', {
        ...{ RoleName: 'mover', PolicyName: 'own' },
        PolicyDocument: JSON.stringify({ Statement: [{ Effect: 'Allow', Action, Resource: '*' }] }),
      });
    const sqs = new SQSClient(queues.cloud.clientAs(role, 'somebody'));
    const move = () => sqs.send(new StartMessageMoveTaskCommand({ SourceArn: dead.arn }));
    const needed = ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes', 'StartMessageMoveTask'];
    const actions = needed.map((one) => `sqs:${one}`);
    await permit(...actions);
    await expect(move()).rejects.toMatchObject({
      message: expect.stringContaining(`sqs:SendMessage on resource: ${source.arn}`),
    });
    await permit(...actions, 'sqs:SendMessage');
    const { TaskHandle } = await move();
    expect(await ended(dead.arn)).toMatchObject({ Status: 'COMPLETED' });
    const look = () => sqs.send(new ListMessageMoveTasksCommand({ SourceArn: dead.arn }));
    await permit('sqs:ListMessageMoveTasks', 'sqs:CancelMessageMoveTask');
    await expect(look()).rejects.toThrow(`sqs:GetQueueAttributes on resource: ${dead.arn}`);
    const cancel = sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    await expect(cancel).rejects.toThrow(`sqs:ReceiveMessage on resource: ${dead.arn}`);
    await permit('sqs:ListMessageMoveTasks', 'sqs:GetQueueAttributes');
    expect((await look()).Results).toHaveLength(1);
    sqs.destroy();
  });
});

test('a dead-letter queue lists its source queues, in pages', async () => {
  const { dead, source } = await queues.createPair();
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 5 });
  const another = await queues.create({ RedrivePolicy });
  const list = (more = {}) =>
    queues.sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead.url, ...more }));
  expect((await list()).queueUrls?.sort()).toEqual([source.url, another.url].sort());
  const first = await list({ MaxResults: 1 });
  const { NextToken } = first;
  const second = await list({ MaxResults: 1, NextToken });
  expect([first.queueUrls, second.queueUrls].flat().sort()).toEqual([source.url, another.url].sort());
  expect(second.NextToken).toBeUndefined();
});
