import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketLifecycleCommand,
  DeleteObjectCommand,
  type LifecycleRule,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSimulatedClock } from '../../clock.ts';
import { readLifecycleRules } from '../../services/s3/lifecycle-rules.ts';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Objects are written at the time of this machine, so for the rules all are 20 days old. */
const clock = createSimulatedClock(Date.now() + 20 * DAY_MS);
let cloud: TestCloud;
let s3: S3Client;

async function create(Bucket: string, rule: Partial<LifecycleRule>): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket }));
  await setRule(Bucket, rule);
}

const setRule = (Bucket: string, more: Partial<LifecycleRule>) =>
  s3.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: { Rules: [{ Status: 'Enabled', Filter: { Prefix: '' }, ...more }] },
    }),
  );
const version = (Bucket: string) =>
  s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
const put = (Bucket: string, Key = 'a') => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
const remove = (Bucket: string, VersionId?: string) =>
  s3.send(new DeleteObjectCommand({ Bucket, Key: 'a', VersionId }));

const keys = async (Bucket: string) =>
  ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
/** The number of versions and of delete markers. */
const versions = async (Bucket: string) => {
  const answer = await s3.send(new ListObjectVersionsCommand({ Bucket }));
  return [answer.Versions?.length ?? 0, answer.DeleteMarkers?.length ?? 0];
};

let UploadId: string | undefined;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  s3 = new S3Client(cloud.client);
  await create('logs', { Filter: { Prefix: 'logs/' }, Expiration: { Days: 19 } });
  for (const key of ['logs/a', 'bodies/a']) await put('logs', key);
  await create('young', { Expiration: { Days: 30 } });
  await put('young');
  await create('disabled', { Status: 'Disabled', Expiration: { Days: 1 } });
  await put('disabled');
  await create('free', { Expiration: { Days: 1 } });
  await put('free');
  await s3.send(new DeleteBucketLifecycleCommand({ Bucket: 'free' }));

  await create('marked', { Expiration: { Days: 1 } });
  await version('marked');
  await put('marked');
  await create('replaced', {
    NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 1 },
  });
  await version('replaced');
  for (let count = 0; count < 4; count += 1) await put('replaced');
  await create('lone', { Expiration: { ExpiredObjectDeleteMarker: true } });
  await version('lone');
  const { VersionId } = await put('lone');
  await remove('lone');
  await remove('lone', VersionId);

  await create('parts', { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } });
  ({ UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'parts', Key: 'a' })));
  // Rules run once a day.
  await clock.advance(DAY_MS);
});
afterAll(async () => {
  s3.destroy();
  await cloud.close();
});

describe('the lifecycle rules of a bucket', () => {
  test('expire objects with their prefix', async () => {
    expect(await keys('logs')).toEqual(['bodies/a']);
  });

  test.each([
    ['before the days have passed', 'young'],
    ['while they are disabled', 'disabled'],
    ['after they were deleted', 'free'],
  ])('do nothing %s', async (_, bucket) => {
    expect(await keys(bucket)).toEqual(['a']);
  });

  test('add a delete marker to expired objects in a versioned bucket', async () => {
    expect(await keys('marked')).toEqual([]);
    expect(await versions('marked')).toEqual([1, 1]);
  });

  test('delete noncurrent versions, except the number that they keep', async () => {
    expect(await versions('replaced')).toEqual([2, 0]);
  });

  test('delete a delete marker without versions', async () => {
    expect(await versions('lone')).toEqual([0, 0]);
  });

  test('abort incomplete multipart uploads', async () => {
    const part = new UploadPartCommand({ Bucket: 'parts', Key: 'a', UploadId, PartNumber: 1, Body: 'x' });
    await expect(s3.send(part)).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });

  test('are refused by name if they are not implemented', async () => {
    const transition = setRule('free', { Transitions: [{ Days: 30, StorageClass: 'GLACIER' }] });
    await expect(transition).rejects.toThrow('does not implement Transition of a lifecycle rule');
    const tagged = setRule('free', { Filter: { Tag: { Key: 'k', Value: 'v' } }, Expiration: { Days: 1 } });
    await expect(tagged).rejects.toThrow('does not implement Tag of a lifecycle rule');
  });
});

test('rules are read from both forms of a prefix', () => {
  const rules = ['<Prefix>a/</Prefix>', '<Filter><Prefix>b/</Prefix></Filter>', '<Filter/>'].map(
    (where) => `<Rule>${where}<Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>`,
  );
  const read = readLifecycleRules(`<LifecycleConfiguration>${rules.join('')}</LifecycleConfiguration>`);
  expect(read.map(({ prefix, expiration }) => [prefix, expiration])).toEqual([
    ['a/', 3],
    ['b/', 3],
    ['', 3],
  ]);
});
