import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { GetItemCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, expect, test } from 'vitest';
import { AwsClock } from '../../aws/aws-clock.ts';
import { synchronizeTime } from '../../aws/client-time.ts';
import { type Clients, createClients } from '../../aws/clients.ts';
import { systemClock } from '../../aws/clock.ts';
import { startClock } from '../../local/clock.ts';
import type { CallRecord } from '../../local/front-door/call-log.ts';
import { startTestCloud } from '../../local/test/support/cloud.ts';

const MINUTE = 60_000;
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The product's clients on a machine whose clock is so many minutes behind AWS's time. */
async function slowBy(minutes: number) {
  const clock = startClock(1);
  const cloud = await startTestCloud({ clock: { ...clock, now: () => Date.now() + minutes * MINUTE } });
  closers.push(() => cloud.close());
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
  });
  const calls: CallRecord[] = [];
  cloud.onCall((call) => calls.push(call));
  const awsClock = new AwsClock();
  const clients = createClients('us-east-1', awsClock);
  closers.push(() => clients.destroy());
  return { clients, clock: awsClock, statuses: () => calls.map(({ status }) => status) };
}

const askAll = async ({ dynamodb, polls, autoScaling, s3 }: Clients) => {
  await dynamodb.send(new ListTablesCommand({}));
  await polls.send(new ListQueuesCommand({}));
  await autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
  await s3.send(new ListBucketsCommand({}));
};

test.each([-20, 20])(
  'a machine that is %i minutes slow is refused once, and knows AWS’s time then',
  async (minutes) => {
    const { clients, clock, statuses } = await slowBy(minutes);
    expect(clock.errorMs()).toBeUndefined();
    await askAll(clients);
    expect(statuses()).toEqual([403, 200, 200, 200, 200]);
    expect(Math.abs(clock.now() - Date.now() - minutes * MINUTE)).toBeLessThanOrEqual(
      Number(clock.errorMs()),
    );
  },
);

test('a call that is refused for another reason is not retried', async () => {
  const { clients, statuses } = await slowBy(20);
  await askAll(clients);
  const missing = new GetItemCommand({ TableName: 'none', Key: { pk: { S: 'a' } } });
  await expect(clients.dynamodb.send(missing)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  expect(statuses().slice(5)).toEqual([400]);
});

test('a client whose clock has AWS’s time from the metadata is not refused at all', async () => {
  const { clients, clock, statuses } = await slowBy(20);
  clock.learn(new Date(Date.now() + 20 * MINUTE).toUTCString(), clock.monotonic());
  await askAll(clients);
  expect(statuses()).toEqual([200, 200, 200, 200]);
});

test.each([
  ['slow', 20, 40],
  ['fast', -20, 60],
])('credentials are renewed in time where the clock is %s', async (_, minutes, expected) => {
  const clock = new AwsClock();
  clock.learn(new Date(Date.now() + minutes * MINUTE).toUTCString(), clock.monotonic());
  const expiration = new Date(Date.now() + 60 * MINUTE);
  const client = new SQSClient({
    region: 'us-east-1',
    credentials: async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'any', expiration }),
  });
  closers.push(() => client.destroy());
  synchronizeTime(client, clock);
  const { expiration: shown } = await client.config.credentials();
  const leftMinutes = (Number(shown) - Date.now()) / MINUTE;
  expect(Math.abs(leftMinutes - expected)).toBeLessThan(0.1);
});

test('a clock that learns nothing changes nothing', async () => {
  const expiration = new Date(Date.now() + 60 * MINUTE);
  const credentials = async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'any', expiration });
  const client = new SQSClient({ region: 'us-east-1', credentials });
  closers.push(() => client.destroy());
  synchronizeTime(client, systemClock);
  expect(await client.config.credentials()).toMatchObject({ expiration });
  expect(client.config.systemClockOffset).toBe(0);
});
