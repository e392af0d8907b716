import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { type RawRequest, signedFetch } from '../support/sigv4.ts';

let cloud: TestCloud;
let sqs: SQSClient;
let QueueUrl: string;

beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.close());
beforeEach(async () => {
  sqs = new SQSClient(cloud.client);
  const name = `queue-${performance.now()}`.replace('.', '-');
  QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl ?? '';
});
afterEach(() => {
  cloud.faults.clear();
  sqs.destroy();
});

const send = (MessageBody = 'x') => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));

async function visible(): Promise<string | undefined> {
  const AttributeNames = ['ApproximateNumberOfMessages' as const];
  const output = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
  return output.Attributes?.['ApproximateNumberOfMessages'];
}

describe('effects', () => {
  test('latency', async () => {
    cloud.faults.add({ action: 'SendMessage', effect: { kind: 'latency', ms: 150 } });
    const started = performance.now();
    await send();
    expect(performance.now() - started).toBeGreaterThan(140);
    expect(await visible()).toBe('1');
  });

  test.each([
    ['before its effect', false, '0'],
    ['after its effect', true, '1'],
  ])('a time-out %s', async (_, applied, messages) => {
    cloud.faults.add({ action: 'SendMessage', effect: { kind: 'timeout', applied } });
    // Short only for this call: on a busy machine a real answer can take longer.
    const requestHandler = new NodeHttpHandler({ requestTimeout: 2000, throwOnRequestTimeout: true });
    const impatient = new SQSClient({ ...cloud.client, requestHandler });
    const sent = impatient.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    await expect(sent).rejects.toMatchObject({ name: 'TimeoutError' });
    impatient.destroy();
    await expect.poll(visible).toBe(messages);
  });

  test.each([
    ['before its effect', false, '0'],
    ['after its effect', true, '1'],
  ])('a connection reset %s', async (_, applied, messages) => {
    cloud.faults.add({ action: 'SendMessage', effect: { kind: 'reset', applied } });
    await expect(send()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await visible()).toBe(messages);
  });

  test("throttling, with each service's own error", async () => {
    cloud.faults.add({ effect: { kind: 'throttle' } });
    await expect(send()).rejects.toMatchObject({ name: 'RequestThrottled' });
    const dynamodb = new DynamoDBClient(cloud.client);
    const created = dynamodb.send(
      new CreateTableCommand({
        TableName: 'table',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      }),
    );
    await expect(created).rejects.toMatchObject({ name: 'ThrottlingException' });
    dynamodb.destroy();
  });

  test('a server error', async () => {
    cloud.faults.add({
      action: 'SendMessage',
      effect: { kind: 'error', code: 'InternalFailure', status: 500 },
    });
    await expect(send()).rejects.toMatchObject({
      name: 'InternalFailure',
      $metadata: { httpStatusCode: 500 },
    });
  });

  test('some entries of a batch', async () => {
    await send('a');
    await send('b');
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    );
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
    cloud.faults.add({ action: 'DeleteMessageBatch', times: 1, effect: { kind: 'partial', entries: [1] } });
    const output = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    expect(output.Successful).toEqual([{ Id: '0' }]);
    expect(output.Failed).toMatchObject([{ Id: '1', SenderFault: false, Code: 'InternalError' }]);
  });
});

describe('a fault is applied', () => {
  test('to as many calls as were asked for', async () => {
    const fault = cloud.faults.add({ action: 'SendMessage', times: 2, effect: { kind: 'throttle' } });
    await expect(send()).rejects.toThrow();
    await expect(send()).rejects.toThrow();
    await send();
    expect(fault.timesApplied).toBe(2);
  });

  test('to every call until it is removed', async () => {
    const fault = cloud.faults.add({ service: 'sqs', effect: { kind: 'throttle' } });
    await expect(send()).rejects.toThrow();
    fault.remove();
    await send();
  });

  test('to the calls of a session, by its name, or of the owner', async () => {
    const role = 'arn:aws:iam::000000000000:role/cdk-hnb659fds-deploy-role-000000000000-us-east-1';
    const session = new SQSClient(cloud.clientAs(role, 'i-0123'));
    const sendAs = () => session.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    cloud.faults.add({ caller: 'i-0123', effect: { kind: 'throttle' }, times: 1 });
    await send();
    await expect(sendAs()).rejects.toMatchObject({ name: 'RequestThrottled' });
    cloud.faults.add({ caller: 'owner', effect: { kind: 'throttle' }, times: 1 });
    await sendAs();
    await expect(send()).rejects.toThrow();
    session.destroy();
  });

  test('to calls with this input', async () => {
    cloud.faults.add({ when: (input) => input['MessageBody'] === 'bad', effect: { kind: 'throttle' } });
    cloud.faults.add({ input: { MessageBody: 'worse' }, effect: { kind: 'throttle' } });
    await send('good');
    await expect(send('bad')).rejects.toThrow();
    await expect(send('worse')).rejects.toThrow();
  });

  test("never to the cloud's own calls, and the log names it", async () => {
    cloud.faults.add({ effect: { kind: 'throttle' } });
    await cloud.call('sqs', 'ListQueues', {});
    await expect(send()).rejects.toThrow();
    const [own, other] = (await cloud.calls()).slice(-2);
    expect(own).toMatchObject({ action: 'ListQueues', caller: 'cloud', status: 200 });
    expect(own).not.toHaveProperty('fault');
    expect(other).toMatchObject({ action: 'SendMessage', error: 'RequestThrottled', fault: 'throttle' });
  });

  test('to calls of one service to another, with the caller `cloud`', async () => {
    cloud.faults.add({
      ...{ service: 'sqs', action: 'CreateQueue', caller: 'cloud' },
      effect: { kind: 'throttle' },
    });
    await sqs.send(new CreateQueueCommand({ QueueName: 'outside' }));
    await expect(cloud.call('sqs', 'CreateQueue', { QueueName: 'inside' })).rejects.toMatchObject({
      code: 'RequestThrottled',
    });
  });
});

describe('the admin path', () => {
  const faults = (request: RawRequest = { method: 'GET' }) =>
    signedFetch(`${cloud.endpoint}/_mayfly/faults`, 'mayfly', cloud.owner, request);

  test('sets, lists and clears', async () => {
    const rule = { service: 'sqs', action: 'SendMessage', effect: { kind: 'throttle' } };
    expect((await faults({ method: 'POST', body: JSON.stringify(rule) })).status).toBe(201);
    await expect(send()).rejects.toMatchObject({ name: 'RequestThrottled' });
    expect(await (await faults()).json()).toEqual([{ rule, timesApplied: 1 }]);
    await faults({ method: 'DELETE' });
    await send();
  });

  test.each([
    ['{', 'JSON'],
    ['{"effect":{"kind":"explode"}}', 'explode'],
    ['{"effect":{"kind":"throttle"},"wehn":1}', 'wehn'],
    ['{"effect":{"kind":"throttle"},"times":0}', 'times'],
  ])('refuses %s and says why', async (body, word) => {
    const answer = await faults({ method: 'POST', body });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(word);
  });
});
