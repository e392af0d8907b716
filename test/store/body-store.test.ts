import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import {
  BodyMissingError,
  BodyReplacedError,
  type BodyStore,
  BodyTooLongError,
  createBodyStore,
  digestBody,
  MAX_BODY_BYTES,
} from '../../store/body-store.ts';

const Bucket = 'logs';

let cloud: Cloud;
let s3: S3Client;
let bodies: BodyStore;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-bodies-'));
  cloud = await startCloud({ directory });
  const { endpoint, region, owner } = cloud;
  s3 = new S3Client({ endpoint, region, credentials: owner });
  await s3.send(new CreateBucketCommand({ Bucket }));
  bodies = createBodyStore(s3, Bucket);
});

afterAll(async () => {
  s3.destroy();
  await cloud.close();
  await rm(directory, { recursive: true });
});

test.each([
  ['short', 'x'],
  ['none', ''],
  ['every kind of character', '\uFEFF\0\t\r\n\u007F\u2028\uD7FF\uFFFD\u{1F680}\u{10FFFF}'],
  ['longer than a message', 'ä\n'.repeat(1_000_000)],
])('a body comes back as it was put: %s', async (what, text) => {
  const job = `j-${what.replaceAll(' ', '-')}`;
  await bodies.put(job, text);
  expect((await bodies.get(job)) === text).toBe(true);
});

test('an existing body is not overwritten, and its digest differs from that of another', async () => {
  await bodies.put('j-first', 'first');
  await bodies.put('j-first', 'second');
  expect(await bodies.get('j-first')).toBe('first');
  expect(await bodies.get('j-first', digestBody('first'))).toBe('first');
  const error = await bodies.get('j-first', digestBody('second')).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(BodyReplacedError);
  expect((error as Error).message).toBe(
    'the body of job j-first is not the one that it was enqueued with: bodies/j-first of the bucket logs has another digest',
  );
});

test('if two put the same body at once, S3 asks one of them to retry, and it does', async () => {
  cloud.faults.add({
    action: 'PutObject',
    times: 1,
    effect: { kind: 'error', code: 'ConditionalRequestConflict', status: 409 },
  });
  await bodies.put('j-conflict', 'text');
  expect(await bodies.get('j-conflict')).toBe('text');
});

test('its key has the id of its job', async () => {
  await bodies.put('j-named', 'hello');
  const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket, Key: 'bodies/j-named' }));
  expect(await Body?.transformToString()).toBe('hello');
  expect(ContentType).toBe('text/plain; charset=utf-8');
});

test('a missing body has an error of its own', async () => {
  await expect(bodies.get('j-2')).rejects.toThrow(BodyMissingError);
  await expect(bodies.get('j-2')).rejects.toThrow(
    'the body of job j-2 is not there: the bucket logs has no object bodies/j-2',
  );
});

test('a missing bucket is not a missing body', async () => {
  await expect(createBodyStore(s3, 'gone').get('j-1')).rejects.toMatchObject({ name: 'NoSuchBucket' });
});

test('a body with one byte more than the longest is neither put nor fetched', async () => {
  const text = 'x'.repeat(MAX_BODY_BYTES + 1);
  const sentence = 'the body of job j-3 has 67108865 bytes, more than the 64 MiB that a body may have';
  await expect(bodies.put('j-3', text)).rejects.toThrow(sentence);
  await putInParts('bodies/j-3', text);
  await expect(bodies.get('j-3')).rejects.toThrow(BodyTooLongError);
  await expect(bodies.get('j-3')).rejects.toThrow(sentence);
});

test('a response that stops in the middle times out, though its first byte came in time', async () => {
  const server = createServer(
    (_, answer) => void answer.writeHead(200, { 'content-length': 10 }).write('half'),
  );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'any' };
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region: cloud.region, credentials, forcePathStyle: true });
  await expect(createBodyStore(client, Bucket, 200).get('j-1')).rejects.toThrow();
  client.destroy();
  server.close();
});

/** The embedded cloud takes only a few megabytes at once. */
async function putInParts(Key: string, text: string): Promise<void> {
  const size = 8 * 2 ** 20;
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (let at = 0; at < text.length; at += size) {
    const part = { Bucket, Key, UploadId, PartNumber: Parts.length + 1, Body: text.slice(at, at + size) };
    const { ETag } = await s3.send(new UploadPartCommand(part));
    Parts.push({ PartNumber: part.PartNumber, ETag });
  }
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
}
