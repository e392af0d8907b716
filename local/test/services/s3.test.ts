import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bucketAndKey } from '../../services/s3/actions.ts';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { slowPut } from '../support/slow-put.ts';

let cloud: TestCloud;
let s3: S3Client;
let Bucket: string;
let count = 0;

beforeAll(async () => {
  cloud = await startTestCloud();
  s3 = new S3Client(cloud.client);
});
afterAll(async () => {
  s3.destroy();
  await cloud.close();
});
beforeEach(async () => {
  count += 1;
  Bucket = `bucket-${count}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
});

const put = (Key: string, Body: string | Buffer, rest: Partial<PutObjectCommand['input']> = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, ...rest }));

async function get(Key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

const policy = (...statements: object[]) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.map((one) => ({ Resource: `arn:aws:s3:::${Bucket}/*`, ...one })),
  });

describe('objects', () => {
  test.each(['plain', 'a/b/c', 'spaces and + signs', 'ümläut/🐛', 'per%20cent', "quo'te&<>"])(
    'are stored under any key: %s',
    async (key) => {
      await put(key, 'content');
      expect((await get(key)).toString()).toBe('content');
      const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
      expect(Contents?.map(({ Key }) => Key)).toEqual([key]);
    },
  );

  test('keep every byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 256));
    await put('bytes', bytes);
    expect((await get('bytes')).equals(bytes)).toBe(true);
  });

  test.each([
    ['text/plain; charset=utf-8', 64],
    ['application/json', 12],
    [undefined, 12],
  ])('of type %s and of %i MiB keep every byte', async (ContentType, mib) => {
    const Body = Buffer.alloc(mib * 1024 * 1024, 'äb');
    await s3.send(new PutObjectCommand({ Bucket, Key: 'long', Body, ContentType }));
    expect((await get('long')).equals(Body)).toBe(true);
  });

  test('can be copied, counted, and deleted together', async () => {
    await put('a', 'a');
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
    const { ContentLength } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'b' }));
    expect(ContentLength).toBe(1);
    await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a' }, { Key: 'b' }] } }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
  });

  test('are deleted if they exist, at most 1,000 at a time', async () => {
    const odd = 'a&amp;b<c>\r\n"d"';
    await put(odd, 'a');
    const remove = (keys: string[], Quiet = false) =>
      s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })), Quiet } }));
    expect((await remove([odd, 'none'])).Deleted?.map(({ Key }) => Key)).toEqual([odd, 'none']);
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    expect((await remove(['none'], true)).Deleted).toBeUndefined();
    const tooMany = remove(Array.from({ length: 1001 }, (_, index) => `${index}`));
    await expect(tooMany).rejects.toMatchObject({ name: 'MalformedXML' });
  });

  test('that do not exist', async () => {
    await expect(get('none')).rejects.toMatchObject({ name: 'NoSuchKey' });
    const head = s3.send(new HeadObjectCommand({ Bucket, Key: 'none' }));
    await expect(head).rejects.toMatchObject({ name: 'NotFound' });
  });

  test('are listed as versions too, each with one version', async () => {
    await put('a', 'a');
    const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect(Versions).toMatchObject([{ Key: 'a', VersionId: 'null', IsLatest: true }]);
  });
});

describe('conditional writes', () => {
  test('If-None-Match keeps an existing object', async () => {
    await put('lock', 'first', { IfNoneMatch: '*' });
    const second = put('lock', 'second', { IfNoneMatch: '*' });
    await expect(second).rejects.toMatchObject({ name: 'PreconditionFailed' });
    expect((await get('lock')).toString()).toBe('first');
  });

  test('If-Match replaces only the object with its ETag', async () => {
    const { ETag = '' } = await put('state', 'first');
    await put('state', 'second', { IfMatch: ETag });
    await expect(put('state', 'third', { IfMatch: ETag })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    await expect(put('none', 'x', { IfMatch: ETag })).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('one of many simultaneous ones succeeds', async () => {
    const writes = Array.from({ length: 10 }, (_, index) => put('once', `${index}`, { IfNoneMatch: '*' }));
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('one of two with slow bodies succeeds', async () => {
    const object = { Bucket, Key: 'slow' };
    const condition = { 'if-none-match': '*' };
    const writes = [await slowPut(cloud, object, condition), await slowPut(cloud, object, condition)];
    for (const one of writes) one.end();
    expect((await Promise.all(writes.map(({ answered }) => answered))).sort()).toEqual([200, 412]);
  });
});

describe('settings of a bucket', () => {
  test("have AWS's defaults of a new bucket", async () => {
    const location = await s3.send(new GetBucketLocationCommand({ Bucket }));
    expect(location.LocationConstraint).toBeUndefined();
    const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    const [rule] = ServerSideEncryptionConfiguration?.Rules ?? [];
    expect(rule?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe('AES256');
    const tags = s3.send(new GetBucketTaggingCommand({ Bucket }));
    await expect(tags).rejects.toMatchObject({ name: 'NoSuchTagSet' });
  });

  test('are returned as they were put, until they are deleted', async () => {
    const Policy = policy({ Effect: 'Allow', Action: 's3:GetObject', Principal: { AWS: '*' } });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    expect((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(Policy);
    await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
    const gone = s3.send(new GetBucketPolicyCommand({ Bucket }));
    await expect(gone).rejects.toMatchObject({ name: 'NoSuchBucketPolicy' });
  });

  test('set from inside, as by CloudFormation, are visible from outside', async () => {
    await cloud.call('s3', 'PutBucketVersioning', { Bucket, VersioningConfiguration: { Status: 'Enabled' } });
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
    const TagSet = [{ Key: 'a', Value: 'b' }];
    await cloud.call('s3', 'PutBucketTagging', { Bucket, Tagging: { TagSet } });
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual(TagSet);
  });

  test('of a missing bucket are NoSuchBucket', async () => {
    const asked = s3.send(new GetBucketVersioningCommand({ Bucket: 'no-bucket' }));
    await expect(asked).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });
});

test('calls from inside read and write objects', async () => {
  await cloud.call('s3', 'PutObject', { Bucket, Key: 'k/1', Body: 'inside' });
  expect((await get('k/1')).toString()).toBe('inside');
  const { Body } = await cloud.call('s3', 'GetObject', { Bucket, Key: 'k/1' });
  expect(String(Body)).toBe('inside');
  const missing = cloud.call('s3', 'GetObject', { Bucket, Key: 'none' });
  await expect(missing).rejects.toMatchObject({ code: 'NoSuchKey', status: 404 });
});

test("the CDK's bucket for assets exists from the start", async () => {
  const asset = { Bucket: 'cdk-hnb659fds-assets-000000000000-us-east-1', Key: 'x.zip', Body: 'x' };
  await s3.send(new PutObjectCommand(asset));
});

test.each([
  ['127.0.0.1:4566', '/bucket/a%20b', 'bucket', 'a b'],
  ['localhost:4566', '/bucket', 'bucket', ''],
  ['bucket.localhost:4566', '/a/b', 'bucket', 'a/b'],
  ['bucket.s3.us-east-1.amazonaws.com', '/a', 'bucket', 'a'],
  ['my.bucket.s3.localhost', '/', 'my.bucket', ''],
  ['s3.us-east-1.amazonaws.com', '/bucket/a', 'bucket', 'a'],
])('host %s and path %s', (host, path, bucket, key) => {
  expect(bucketAndKey(host, path)).toEqual({ bucket, key });
});

test('a stack cannot create a bucket whose name is taken, unless it is a bootstrap stand-in', async () => {
  const create = (Bucket: string) => cloud.call('s3', 'CreateBucket', { Bucket });
  await create('taken');
  await expect(create('taken')).rejects.toThrow('you already own it');
  const assets = `cdk-hnb659fds-assets-${cloud.accountId}-${cloud.region}`;
  await create(assets);
  await expect(create(assets)).rejects.toThrow('you already own it');
});
