import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  type Message,
  type MessageAttributeValue,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
let sqs: SQSClient;
let QueueUrl: string;
let count = 0;

beforeAll(async () => {
  cloud = await startTestCloud();
  sqs = new SQSClient(cloud.client);
});
afterAll(async () => {
  sqs.destroy();
  await cloud.close();
});
beforeEach(async () => {
  QueueUrl = await createQueue({});
});

async function createQueue(Attributes: Record<string, string>): Promise<string> {
  count += 1;
  const output = await sqs.send(new CreateQueueCommand({ QueueName: `queue-${count}`, Attributes }));
  return output.QueueUrl ?? '';
}

const send = (MessageBody: string) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));

async function receive(options: Partial<ReceiveMessageCommand['input']> = {}): Promise<Message[]> {
  const output = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...options }));
  return output.Messages ?? [];
}

async function counts(): Promise<Record<string, string> | undefined> {
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const output = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
  );
  return output.Attributes;
}

describe('queue URLs', () => {
  test("have the front door's origin, so that a client needs only the endpoint", async () => {
    expect(QueueUrl).toBe(`${cloud.endpoint}/000000000000/queue-${count}`);
    const found = await sqs.send(new GetQueueUrlCommand({ QueueName: `queue-${count}` }));
    expect(found.QueueUrl).toBe(QueueUrl);
    const list = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: `queue-${count}` }));
    expect(list.QueueUrls).toEqual([QueueUrl]);
  });

  test('of AWS, as in templates, work too', async () => {
    const url = `https://sqs.us-east-1.amazonaws.com/000000000000/queue-${count}`;
    const client = new SQSClient({ ...cloud.client, useQueueUrlAsEndpoint: false });
    await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
    client.destroy();
    expect(await receive()).toMatchObject([{ Body: 'x' }]);
  });

  test('that do not exist are QueueDoesNotExist', async () => {
    const missing = `${cloud.endpoint}/000000000000/missing`;
    const sent = sqs.send(new SendMessageCommand({ QueueUrl: missing, MessageBody: 'x' }));
    await expect(sent).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  });

  test('with a name that AWS refuses are refused', async () => {
    const created = sqs.send(new CreateQueueCommand({ QueueName: 'no spaces' }));
    await expect(created).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('with the same name in two regions are two queues', async () => {
    const other = new SQSClient({ ...cloud.client, region: 'eu-west-1' });
    await other.send(new CreateQueueCommand({ QueueName: `queue-${count}` }));
    await other.send(new SendMessageCommand({ QueueUrl, MessageBody: 'in Ireland' }));
    expect(await receive()).toEqual([]);
    const { Messages } = await other.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages).toMatchObject([{ Body: 'in Ireland' }]);
    other.destroy();
  });
});

describe('bodies', () => {
  test.each([
    ['plain', 'tile-17'],
    ['emoji and other characters beyond the first plane', '🐛 ends 𝕏 itself 🪰'],
    ['private-use characters, including those of the escape', '\ue001\ue100\ue500 \ue001\ue001 🐛'],
    ['white space', '\t\n\r '],
    ['just under 1 MiB', 'x'.repeat(1_048_576)],
  ])('are received as they were sent: %s', async (_, body) => {
    // The SDK compares the digests of what it sends and receives.
    await send(body);
    const [message] = await receive();
    expect(message?.Body === body).toBe(true);
  });

  test.each([
    ['a control character', 'a\u0000b'],
    ['a lone surrogate', 'a\ud800b'],
    ['a non-character', 'a\uffffb'],
  ])('%s is InvalidMessageContents', async (_, body) => {
    await expect(send(body)).rejects.toMatchObject({ name: 'InvalidMessageContents' });
  });

  test('over 1 MiB is refused', async () => {
    await expect(send('x'.repeat(1_048_577))).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });
});

describe('batches', () => {
  test('send: refused entries are named, the others are sent', async () => {
    const output = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: 'good', MessageBody: 'good' },
          { Id: 'bad', MessageBody: 'a\u0000b' },
          { Id: 'wide', MessageBody: '🐛' },
        ],
      }),
    );
    expect(output.Successful?.map(({ Id }) => Id)).toEqual(['good', 'wide']);
    expect(output.Failed).toMatchObject([{ Id: 'bad', SenderFault: true, Code: 'InvalidMessageContents' }]);
    expect((await receive()).map(({ Body }) => Body).sort()).toEqual(['good', '🐛'].sort());
  });

  test('delete: only an invalid handle fails', async () => {
    await send('x');
    const [message] = await receive();
    const output = await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: 'good', ReceiptHandle: message?.ReceiptHandle ?? '' },
          { Id: 'bad', ReceiptHandle: 'not-a-handle' },
        ],
      }),
    );
    expect(output.Successful).toEqual([{ Id: 'good' }]);
    expect(output.Failed).toMatchObject([{ Id: 'bad', SenderFault: true, Code: 'ReceiptHandleIsInvalid' }]);
    expect(await counts()).toEqual({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
    });
  });

  test('visibility: only a message that is not in flight fails', async () => {
    await send('x');
    await send('y');
    const [first, second] = await receive();
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }));
    const output = await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl,
        Entries: [
          { Id: 'gone', ReceiptHandle: first?.ReceiptHandle ?? '', VisibilityTimeout: 60 },
          { Id: 'held', ReceiptHandle: second?.ReceiptHandle ?? '', VisibilityTimeout: 60 },
        ],
      }),
    );
    expect(output.Successful).toEqual([{ Id: 'held' }]);
    expect(output.Failed).toMatchObject([{ Id: 'gone', Code: 'MessageNotInflight' }]);
  });

  test('without entries, with too many, or with a duplicate id are refused as a whole', async () => {
    const entries = (ids: string[]) => ({ QueueUrl, Entries: ids.map((Id) => ({ Id, MessageBody: Id })) });
    const sendBatch = (ids: string[]) => sqs.send(new SendMessageBatchCommand(entries(ids)));
    await expect(sendBatch([])).rejects.toMatchObject({ name: 'EmptyBatchRequest' });
    await expect(sendBatch(['a', 'a'])).rejects.toMatchObject({ name: 'BatchEntryIdsNotDistinct' });
    const eleven = Array.from({ length: 11 }, (_, index) => `m${index}`);
    await expect(sendBatch(eleven)).rejects.toMatchObject({ name: 'TooManyEntriesInBatchRequest' });
    expect(await receive()).toEqual([]);
  });
});

describe('delays', () => {
  test('of more than 15 minutes are refused, in a batch by entry', async () => {
    const late = { MessageBody: 'x', DelaySeconds: 901 };
    const alone = sqs.send(new SendMessageCommand({ QueueUrl, ...late }));
    await expect(alone).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    const Entries = [
      { Id: 'late', ...late },
      { Id: 'in-time', ...late, DelaySeconds: 900 },
    ];
    const { Successful, Failed } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(Successful).toMatchObject([{ Id: 'in-time' }]);
    expect(Failed).toMatchObject([{ Id: 'late', SenderFault: true, Code: 'InvalidParameterValue' }]);
  });
});

test('a queue can be purged once a minute at most', async () => {
  await send('x');
  const purge = () => sqs.send(new PurgeQueueCommand({ QueueUrl }));
  await purge();
  expect(await receive()).toEqual([]);
  await expect(purge()).rejects.toMatchObject({ name: 'PurgeQueueInProgress' });
});

describe('receipt handles', () => {
  test.each(['not-a-handle', Buffer.from('also not one').toString('base64')])(
    '%s is invalid',
    async (handle) => {
      const deleted = sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: handle }));
      await expect(deleted).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
    },
  );

  test('a handle of another queue is invalid', async () => {
    await send('x');
    const [message] = await receive();
    const other = await createQueue({});
    const deleted = sqs.send(
      new DeleteMessageCommand({ QueueUrl: other, ReceiptHandle: message?.ReceiptHandle }),
    );
    await expect(deleted).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
  });

  test('an old handle deletes nothing without an error, and cannot change the visibility', async () => {
    await send('x');
    const [first] = await receive({ VisibilityTimeout: 0 });
    const [second] = await receive({ WaitTimeSeconds: 5 });
    expect(second?.MessageId).toBe(first?.MessageId);
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }));
    expect(await counts()).toMatchObject({ ApproximateNumberOfMessagesNotVisible: '1' });
    const changed = sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl,
        ReceiptHandle: first?.ReceiptHandle,
        VisibilityTimeout: 5,
      }),
    );
    await expect(changed).rejects.toMatchObject({ name: 'MessageNotInflight' });
  });

  test('a message is invisible for at most 12 hours in total', async () => {
    await send('x');
    const [message] = await receive();
    const [handle, queue] = Buffer.from(message?.ReceiptHandle ?? '', 'base64')
      .toString()
      .split(' ');
    const anHourAgo = Buffer.from(`${handle} ${queue} ${Date.now() - 3_600_000}`).toString('base64');
    const extend = (VisibilityTimeout: number) =>
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: anHourAgo, VisibilityTimeout }));
    await extend(39_000);
    await expect(extend(43_200)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });
});

describe("a message's attributes", () => {
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  const sendWith = (MessageAttributes: Record<string, MessageAttributeValue>) =>
    sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageAttributes }));
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, text('v')]));

  test('of every type are received as they were sent', async () => {
    const attributes = {
      'a.b-c_D1': text('tab\t, Ä, 🐛'),
      number: { DataType: 'Number.float', StringValue: '1.50' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.from([0, 255]) },
      ...many(7),
    };
    await sendWith(attributes);
    const [message] = await receive({ MessageAttributeNames: ['All'], WaitTimeSeconds: 5 });
    expect(message?.MessageAttributes).toEqual(attributes);
  });

  test.each<[string, string, Record<string, MessageAttributeValue>]>([
    ['a control character', 'InvalidMessageContents', { a: text('\u0000') }],
    ['U+FFFE', 'InvalidMessageContents', { a: text('\ufffe') }],
    ['U+FFFF', 'InvalidMessageContents', { a: { DataType: 'Number', StringValue: '\uffff' } }],
    ['an empty value', 'InvalidParameterValue', { a: text('') }],
    ['no value', 'InvalidParameterValue', { a: { DataType: 'Binary' } }],
    ['another type', 'InvalidParameterValue', { a: { DataType: 'Text', StringValue: 'v' } }],
    ['a name with a space', 'InvalidParameterValue', { 'a b': text('v') }],
    ["AWS's names", 'InvalidParameterValue', { 'AWS.a': text('v') }],
    ['a name that ends with a period', 'InvalidParameterValue', { 'a.': text('v') }],
    ['eleven of them', 'InvalidParameterValue', many(11)],
  ])('are refused: %s', async (_, name, attributes) => {
    await expect(sendWith(attributes)).rejects.toMatchObject({ name });
    const Entries = [
      { Id: 'bad', MessageBody: 'x', MessageAttributes: attributes },
      { Id: 'good', MessageBody: 'x' },
    ];
    const output = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(output.Failed).toMatchObject([{ Id: 'bad', SenderFault: true, Code: name }]);
    expect(output.Successful).toMatchObject([{ Id: 'good' }]);
  });
});

describe('receiving', () => {
  test('returns message attributes only on request', async () => {
    const MessageAttributes = { kind: { DataType: 'String', StringValue: 'tile' } };
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageAttributes }));
    const [without] = await receive({ VisibilityTimeout: 0 });
    expect(without?.MessageAttributes).toBeUndefined();
    const [with_] = await receive({ MessageAttributeNames: ['All'], WaitTimeSeconds: 5 });
    expect(with_?.MessageAttributes).toMatchObject(MessageAttributes);
  });

  test('a long poll that gets no message because another one got it keeps waiting', async () => {
    const polls = [1, 2].map(() => receive({ WaitTimeSeconds: 2, MaxNumberOfMessages: 1 }));
    await send('first');
    const winner = await Promise.race(polls);
    expect(winner).toHaveLength(1);
    await send('second');
    const bodies = (await Promise.all(polls)).flat().map(({ Body }) => Body);
    expect(bodies.sort()).toEqual(['first', 'second']);
  });

  test('a caller who hung up gets no message', async () => {
    const hangUp = new AbortController();
    const abandoned = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
      abortSignal: hangUp.signal,
    });
    // The long poll has arrived long before this is answered.
    await counts();
    hangUp.abort();
    await expect(abandoned).rejects.toMatchObject({ name: 'AbortError' });
    await send('x');
    expect(await receive({ WaitTimeSeconds: 5 })).toMatchObject([{ Body: 'x' }]);
  });

  test('with a parameter out of range is refused', async () => {
    await expect(receive({ WaitTimeSeconds: 21 })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(receive({ MaxNumberOfMessages: 11 })).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    });
  });

  test('more often than maxReceiveCount moves the message to the dead-letter queue', async () => {
    const dead = await createQueue({});
    const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:queue-${count}`;
    QueueUrl = await createQueue({
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 }),
    });
    await send('poison');
    expect(await receive({ VisibilityTimeout: 0 })).toHaveLength(1);
    expect(await receive({ WaitTimeSeconds: 1 })).toEqual([]);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: dead }));
    expect(Messages).toMatchObject([{ Body: 'poison' }]);
  });
});

describe('counting', () => {
  test('messages in flight are not visible; after their time-out they are, even without a receive', async () => {
    await send('x');
    const [message] = await receive({ VisibilityTimeout: 60 });
    expect(await counts()).toEqual({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '1',
    });
    const ReceiptHandle = message?.ReceiptHandle;
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 1 }));
    await expect
      .poll(counts, { interval: 100 })
      .toEqual({ ApproximateNumberOfMessages: '1', ApproximateNumberOfMessagesNotVisible: '0' });
  });
});
