import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCloud } from '../cloud.ts';
import { signedFetch } from './support/sigv4.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-cloud-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('a cloud that cannot start says why', () => {
  test('when its port is in use', async () => {
    const cloud = await startCloud({ directory });
    const port = Number(new URL(cloud.endpoint).port);
    await expect(startCloud({ directory, port })).rejects.toThrow(`Port ${port} is in use`);
    await cloud.close();
  });

  test('when its directory is a file', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expect(startCloud({ directory: file })).rejects.toThrow(`The directory ${file} is not writable`);
  });
});

test('it listens on loopback only', async () => {
  const cloud = await startCloud({ directory });
  const { port } = new URL(cloud.endpoint);
  const addresses = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  const health = (host: string) => fetch(`http://${host}:${port}/_mayfly/health`);
  expect((await health('127.0.0.1')).status).toBe(200);
  for (const { address } of addresses) await expect(health(address)).rejects.toThrow();
  await cloud.close();
});

test('two clouds share nothing', async () => {
  const [one, two] = await Promise.all([startCloud({ directory }), startCloud({ directory })]);
  await one.call('sqs', 'CreateQueue', { QueueName: 'jobs' });
  await expect(two.call('sqs', 'GetQueueUrl', { QueueName: 'jobs' })).rejects.toMatchObject({
    code: 'QueueDoesNotExist',
  });
  await Promise.all([one.close(), two.close()]);
});

test('a closed cloud starts neither a function nor an instance', async () => {
  const cloud = await startCloud({ directory });
  const ZipFile = zipSync({ 'index.mjs': strToU8('export const handler = () => 1;') });
  const Role = 'arn:aws:iam::000000000000:role/fn';
  const definition = { FunctionName: 'fn', Runtime: 'nodejs24.x', Handler: 'index.handler', Role };
  await cloud.call('lambda', 'CreateFunction', { ...definition, Code: { ZipFile } });
  await cloud.close();
  const invoked = cloud.call('lambda', 'Invoke', { FunctionName: 'fn' });
  await expect(invoked).rejects.toThrow('The embedded cloud is closing');
  const launched = cloud.call('ec2', 'RunInstances', { ImageId: 'ami-1', MinCount: 1, MaxCount: 1 });
  await expect(launched).rejects.toThrow('The embedded cloud is closing');
});

test('closing it ends waiting calls', async () => {
  const cloud = await startCloud({ directory });
  await cloud.call('sqs', 'CreateQueue', { QueueName: 'jobs' });
  const body = JSON.stringify({ QueueUrl: `${cloud.endpoint}/000000000000/jobs`, WaitTimeSeconds: 20 });
  const headers = { 'x-amz-target': 'AmazonSQS.ReceiveMessage' };
  const waiting = signedFetch(cloud.endpoint, 'sqs', cloud.owner, { headers, body }).catch(() => 'ended');
  // The first call has arrived when a later one is answered.
  await fetch(`${cloud.endpoint}/_mayfly/health`);
  const started = performance.now();
  await cloud.close();
  expect(await waiting).toBe('ended');
  expect(performance.now() - started).toBeLessThan(5000);
});
