import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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

const version = (Status: 'Enabled' | 'Suspended') =>
  s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
const put = async (Body: string, Key = 'a') =>
  (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId;
const remove = (VersionId?: string, Key = 'a') =>
  s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
async function get(VersionId?: string, Key = 'a'): Promise<string | undefined> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }));
  return Body?.transformToString();
}
/** The versions and delete markers: `id`, or `id (marker)`. The current one comes first and has a star. */
async function list(more: object = {}): Promise<string[]> {
  const answer = await s3.send(new ListObjectVersionsCommand({ Bucket, ...more }));
  const versions = (answer.Versions ?? []).map((one) => ({ ...one, what: '' }));
  const markers = (answer.DeleteMarkers ?? []).map((one) => ({ ...one, what: ' (marker)' }));
  return [...versions, ...markers]
    .sort((a, b) => Number(b.IsLatest) - Number(a.IsLatest))
    .map(({ VersionId, what, IsLatest }) => `${VersionId}${what}${IsLatest ? ' *' : ''}`);
}

describe('a bucket with versioning', () => {
  beforeEach(async () => void (await version('Enabled')));

  test('keeps overwritten versions, and returns each by its id', async () => {
    const [one, two] = [await put('one'), await put('two')];
    expect([await get(), await get(one), await get(two)]).toEqual(['two', 'one', 'two']);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'a' }));
    expect(head.VersionId).toBe(two);
    const part = await s3.send(new GetObjectCommand({ Bucket, Key: 'a', VersionId: one, Range: 'bytes=1-' }));
    expect(await part.Body?.transformToString()).toBe('ne');
    expect(await list()).toEqual([`${two} *`, one]);
    await expect(get('none')).rejects.toMatchObject({ name: 'NoSuchVersion' });
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets.filter(({ Name }) => Name?.includes('mayfly'))).toEqual([]);
  });

  test('adds a delete marker, which can itself be deleted', async () => {
    const one = await put('one');
    const { DeleteMarker, VersionId: marker } = await remove();
    expect(DeleteMarker).toBe(true);
    await expect(get()).rejects.toMatchObject({ name: 'NoSuchKey' });
    await expect(get(marker)).rejects.toMatchObject({ name: 'MethodNotAllowed' });
    expect(await get(one)).toBe('one');
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    expect(await list()).toEqual([`${marker} (marker) *`, one]);
    expect(await remove(marker)).toMatchObject({ DeleteMarker: true, VersionId: marker });
    expect(await get()).toBe('one');
  });

  test('deletes a version permanently, and then reads the one before', async () => {
    const [one, two] = [await put('one'), await put('two')];
    await remove(two);
    expect(await get()).toBe('one');
    expect(await list()).toEqual([`${one} *`]);
    await remove(one);
    expect(await list()).toEqual([]);
  });

  test('has one version for each of many simultaneous writes, and each writer gets its own', async () => {
    const bodies = Array.from({ length: 8 }, (_, index) => `body ${index}`);
    const ids = await Promise.all(bodies.map((body) => put(body)));
    expect(new Set(ids).size).toBe(8);
    expect(await Promise.all(ids.map((id) => get(id)))).toEqual(bodies);
  });

  test('continues when a writer hangs up while it waits for another one', async () => {
    const object = { Bucket, Key: 'a' };
    const [first, second] = [await slowPut(cloud, object), await slowPut(cloud, object)];
    await second.abort();
    await list();
    first.end();
    expect(await first.answered).toBe(200);
    expect(await get()).toBe('ok');
    const third = await put('three');
    expect(await get(third)).toBe('three');
    expect(await list()).toHaveLength(2);
  });

  test('has writers that do not wait for those of another cloud', async () => {
    const other = await startTestCloud();
    const elsewhere = new S3Client(other.client);
    try {
      await elsewhere.send(new CreateBucketCommand({ Bucket }));
      const Status = 'Enabled';
      await elsewhere.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
      const slow = await slowPut(other, { Bucket, Key: 'a' });
      await put('at once');
      await slow.abort();
    } finally {
      elsewhere.destroy();
      await other.close();
    }
    expect(await get()).toBe('at once');
  });

  test('creates a version for a copy and for a multipart upload', async () => {
    const one = await put('one');
    const copied = await s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
    expect(copied.VersionId).toMatch(/.{20}/);
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'a' }));
    const upload = { Bucket, Key: 'a', UploadId };
    const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'parts' }));
    const MultipartUpload = { Parts: [{ ETag, PartNumber: 1 }] };
    const done = await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload }));
    expect([await get(done.VersionId), await get(one)]).toEqual(['parts', 'one']);
    const old = s3.send(
      new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/a?versionId=${one}` }),
    );
    await expect(old).rejects.toThrow('does not implement CopyObject of a version');
  });

  test('lists its versions in pages, by key', async () => {
    for (const key of ['a', 'b', 'c']) for (const body of ['one', 'two']) await put(body, key);
    const seen: string[] = [];
    let markers: object = {};
    for (;;) {
      const page = await s3.send(new ListObjectVersionsCommand({ Bucket, MaxKeys: 4, ...markers }));
      seen.push(...(page.Versions ?? []).map(({ Key = '' }) => Key));
      if (!page.IsTruncated) break;
      markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
    expect(seen).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
    expect(await list({ Prefix: 'b' })).toHaveLength(2);
  });

  test('cannot be deleted while it has versions or markers, which can be deleted together', async () => {
    const one = await put('one');
    const { VersionId: marker } = await remove();
    const deletion = () => s3.send(new DeleteBucketCommand({ Bucket }));
    await expect(deletion()).rejects.toMatchObject({ name: 'BucketNotEmpty' });
    await expect(cloud.call('s3', 'DeleteBucket', { Bucket })).rejects.toMatchObject({
      code: 'BucketNotEmpty',
    });
    const Objects = [one, marker].map((VersionId) => ({ Key: 'a', VersionId }));
    const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted).toMatchObject([{ VersionId: one }, { VersionId: marker, DeleteMarker: true }]);
    await deletion();
  });

  test('lets a role delete a version only with the permission for it', async () => {
    const one = await put('one');
    const trust = '{"Statement":[]}';
    await cloud.call('iam', 'CreateRole', { RoleName: 'cleaner', AssumeRolePolicyDocument: trust });
    const permit = (Action: string) =>
      cloud.call('iam', 'PutRolePolicy', {
        ...{ RoleName: 'cleaner', PolicyName: 'own' },
        PolicyDocument: JSON.stringify({ Statement: [{ Effect: 'Allow', Action, Resource: '*' }] }),
      });
    await permit('s3:DeleteObject');
    const role = new S3Client(cloud.clientAs('arn:aws:iam::000000000000:role/cleaner', 'somebody'));
    const attempt = () => role.send(new DeleteObjectCommand({ Bucket, Key: 'a', VersionId: one }));
    await expect(attempt()).rejects.toMatchObject({ name: 'AccessDenied' });
    await permit('s3:DeleteObjectVersion');
    await attempt();
    role.destroy();
    expect(await list()).toEqual([]);
  });
});

test('objects from before versioning are the version "null", and stay', async () => {
  expect(await put('before')).toBeUndefined();
  await version('Enabled');
  const after = await put('after');
  expect(await list()).toEqual([`${after} *`, 'null']);
  expect(await get('null')).toBe('before');
});

test('the deletion of a missing version changes nothing', async () => {
  await put('one');
  await remove('none');
  expect(await list()).toEqual(['null *']);
  await remove();
  expect(await list()).toEqual([]);
});

test('while versioning is suspended there is one version "null" and the earlier versions', async () => {
  await version('Enabled');
  const kept = await put('kept');
  await version('Suspended');
  expect([await put('one'), await put('two')]).toEqual(['null', 'null']);
  expect(await list()).toEqual(['null *', kept]);
  await remove();
  expect(await list()).toEqual(['null (marker) *', kept]);
  expect(await get(kept)).toBe('kept');
});
