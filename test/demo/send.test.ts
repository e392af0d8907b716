import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { readQueue } from '../../checker/queue.ts';
import { type OperatorClients, operatorClients } from '../../demo/clients.ts';
import { sendJobs } from '../../demo/send.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';

let directory: string;
let cloud: Cloud;
let clients: OperatorClients;
let queueUrl: string;
let queues = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-send-'));
  cloud = await startCloud({ directory });
  clients = operatorClients(cloud);
});
afterAll(async () => {
  clients.destroy();
  await cloud.close();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  queues += 1;
  const { QueueUrl = '' } = await clients.sqs.send(new CreateQueueCommand({ QueueName: `send-${queues}` }));
  queueUrl = QueueUrl;
});

const bodies = Array.from({ length: 23 }, (_, index) => `job ${index}`);

it('sends each body once and returns the ids in order, whatever part of a batch is refused', async () => {
  const fault = cloud.faults.add({
    action: 'SendMessageBatch',
    times: 2,
    effect: { kind: 'partial', entries: [0, 2] },
  });
  const keys = await sendJobs(clients.sqs, queueUrl, bodies);
  fault.remove();
  expect(new Set(keys).size).toBe(23);
  expect((await readQueue(clients.sqs, queueUrl)).visible.toSorted()).toEqual(keys.toSorted());
});

it('says how many jobs the queue keeps refusing', async () => {
  const fault = cloud.faults.add({ action: 'SendMessageBatch', effect: { kind: 'partial', entries: [0] } });
  await expect(sendJobs(clients.sqs, queueUrl, ['only'])).rejects.toThrow(
    'the queue refused 1 job: InternalError',
  );
  fault.remove();
});

it('the checker leaves a queue as it found it', async () => {
  await sendJobs(clients.sqs, queueUrl, bodies);
  const first = await readQueue(clients.sqs, queueUrl);
  expect(first).toMatchObject({ inFlight: 0 });
  expect(first.visible).toHaveLength(23);
  expect((await readQueue(clients.sqs, queueUrl)).visible.toSorted()).toEqual(first.visible.toSorted());
});
