import { gzipSync } from 'node:zlib';
import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { signedFetch } from '../support/sigv4.ts';

let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.close());

const get = (path: string, service: string) =>
  signedFetch(cloud.endpoint + path, service, cloud.owner, { method: 'GET' });

/** Sends a call in the Query protocol, which SQS and others used before JSON. */
async function query(service: string, parameters: Record<string, string>, path = '/') {
  const response = await signedFetch(cloud.endpoint + path, service, cloud.owner, {
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new URLSearchParams({ Version: '2012-11-05', ...parameters }).toString(),
  });
  const text = await response.text();
  const xml: unknown = new XMLParser({ parseTagValue: false }).parse(text);
  return { status: response.status, text, xml };
}

async function json(
  service: string,
  target: string,
  body: string | Uint8Array<ArrayBuffer> | object,
  headers: Record<string, string> = {},
) {
  const response = await signedFetch(cloud.endpoint, service, cloud.owner, {
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': target, ...headers },
    body: body instanceof Uint8Array || typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
}

describe('SQS in the Query protocol', () => {
  const path = '/000000000000/old';

  test('a message is sent, received and deleted, with calls to the path of the queue', async () => {
    const created = await query('sqs', {
      Action: 'CreateQueue',
      QueueName: 'old',
      'Attribute.1.Name': 'VisibilityTimeout',
      'Attribute.1.Value': '45',
      'Tag.1.Key': 'team',
      'Tag.1.Value': 'a & b',
    });
    expect(created.xml).toMatchObject({
      CreateQueueResponse: { CreateQueueResult: { QueueUrl: `${cloud.endpoint}${path}` } },
    });
    const tags = await query('sqs', { Action: 'ListQueueTags' }, path);
    expect(tags.text).toContain('<Tag><Key>team</Key><Value>a &amp; b</Value></Tag>');
    const sent = await query(
      'sqs',
      {
        Action: 'SendMessage',
        MessageBody: '<b>&"\' 🐛\r\n',
        'MessageAttribute.1.Name': 'kind',
        'MessageAttribute.1.Value.DataType': 'String',
        'MessageAttribute.1.Value.StringValue': 'tile',
      },
      path,
    );
    expect(sent.text).toMatch(/<MD5OfMessageBody>[0-9a-f]{32}<\/MD5OfMessageBody>/);
    const received = await query(
      'sqs',
      {
        Action: 'ReceiveMessage',
        MaxNumberOfMessages: '10',
        WaitTimeSeconds: '0',
        'AttributeName.1': 'ApproximateReceiveCount',
        'MessageAttributeName.1': 'All',
      },
      path,
    );
    expect(received.text).toContain('<Body>&lt;b&gt;&amp;&quot;&apos; 🐛&#xD;\n</Body>');
    expect(received.text).toContain(
      '<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>',
    );
    expect(received.text).toContain('<MessageAttribute><Name>kind</Name><Value>');
    const handle = /<ReceiptHandle>(.*?)<\/ReceiptHandle>/.exec(received.text)?.[1] ?? '';
    const deleted = await query('sqs', { Action: 'DeleteMessage', ReceiptHandle: handle }, path);
    expect(deleted.status).toBe(200);
    const counted = await query(
      'sqs',
      { Action: 'GetQueueAttributes', 'AttributeName.1': 'ApproximateNumberOfMessagesNotVisible' },
      path,
    );
    expect(counted.text).toContain('<Value>0</Value>');
  });

  test('batches, with their failed entries', async () => {
    const sent = await query(
      'sqs',
      {
        Action: 'SendMessageBatch',
        'SendMessageBatchRequestEntry.1.Id': 'a',
        'SendMessageBatchRequestEntry.1.MessageBody': 'a',
        'SendMessageBatchRequestEntry.2.Id': 'b',
        'SendMessageBatchRequestEntry.2.MessageBody': '\u0000',
      },
      path,
    );
    expect(sent.text).toMatch(/<SendMessageBatchResultEntry><Id>a<\/Id>/);
    expect(sent.text).toMatch(/<BatchResultErrorEntry><Id>b<\/Id><SenderFault>true<\/SenderFault>/);
  });

  test('errors with their old codes', async () => {
    const answer = await query('sqs', { Action: 'GetQueueUrl', QueueName: 'none' });
    expect(answer.status).toBe(400);
    expect(answer.xml).toMatchObject({
      ErrorResponse: { Error: { Type: 'Sender', Code: 'AWS.SimpleQueueService.NonExistentQueue' } },
    });
  });
});

describe('the EC2 variant', () => {
  test('lists of items, names in lower case', async () => {
    const answer = await query('ec2', { Action: 'DescribeAvailabilityZones' });
    expect(answer.text).toContain('<availabilityZoneInfo><item>');
    expect(answer.text).toContain('<zoneName>us-east-1a</zoneName>');
  });

  test('an error envelope of its own', async () => {
    const answer = await query('ec2', { Action: 'DescribeInstances', 'InstanceId.1': 'i-0123456789abcdef0' });
    expect(answer.xml).toMatchObject({
      Response: { Errors: { Error: { Code: 'InvalidInstanceID.NotFound' } } },
    });
  });
});

describe('errors in JSON', () => {
  test('have the type, and the old code for old clients', async () => {
    const { status, headers, body } = await json('sqs', 'AmazonSQS.GetQueueUrl', { QueueName: 'none' });
    expect(status).toBe(400);
    expect(body).toMatchObject({ __type: 'QueueDoesNotExist' });
    expect(headers.get('x-amzn-query-error')).toBe('AWS.SimpleQueueService.NonExistentQueue;Sender');
  });

  test.each(['', '[]', '"x"', '{', 'null'])('a body that is not an object (%j)', async (body) => {
    const answer = await json('dynamodb', 'DynamoDB_20120810.ListTables', body);
    // An empty body counts as an empty input.
    if (body === '') expect(answer.body).toEqual({ TableNames: [] });
    else expect(answer.body).toMatchObject({ __type: 'SerializationException' });
  });

  test('compressed bodies are read, invalid ones are refused', async () => {
    const packed = gzipSync('{}');
    const gzip = { 'content-encoding': 'gzip' };
    expect((await json('sqs', 'AmazonSQS.ListQueues', packed, gzip)).status).toBe(200);
    const broken = await json('sqs', 'AmazonSQS.ListQueues', '{}', gzip);
    expect(broken.body).toMatchObject({ __type: 'SerializationException' });
  });
});

describe('an unknown call is named and logged', () => {
  test.each([
    ['an action', () => json('sqs', 'AmazonSQS.Explode', {}), "action 'Explode' of 'sqs'"],
    [
      'an action that is a member of objects',
      () => json('sqs', 'AmazonSQS.constructor', {}),
      "'constructor'",
    ],
    [
      'a service',
      () => json('kinesis', 'Kinesis_20131202.ListStreams', {}),
      "service 'kinesis' (ListStreams)",
    ],
  ])('%s', async (_, ask, words) => {
    const { status, body } = await ask();
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain(words);
    expect((await cloud.calls()).at(-1)).toMatchObject({
      status: 400,
      message: expect.stringContaining(words),
    });
  });

  test('an action in the Query protocol', async () => {
    const answer = await query('autoscaling', { Action: 'Explode' });
    expect(answer.xml).toMatchObject({
      ErrorResponse: { Error: { Code: 'InvalidAction', Message: expect.stringContaining("'Explode'") } },
    });
  });

  test('a path of a REST service', async () => {
    const response = await get('/2018-10-31/layers', 'lambda');
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('GET /2018-10-31/layers');
    expect((await cloud.calls()).at(-1)).toMatchObject({
      service: 'lambda',
      action: 'GET /2018-10-31/layers',
    });
  });

  test('a parameter of S3', async () => {
    await cloud.call('s3', 'CreateBucket', { Bucket: 'bucket' });
    const response = await get('/bucket?acl', 's3');
    expect(response.status).toBe(501);
    expect(await response.text()).toContain('<Code>NotImplemented</Code>');
  });
});
