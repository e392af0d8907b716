import {
  DeleteBucketPolicyCommand,
  DeleteObjectsCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';

const ROLE = 'arn:aws:iam::000000000000:role/worker';
const SESSION = 'arn:aws:sts::000000000000:assumed-role/worker/i-1';
const ROOT = 'arn:aws:iam::000000000000:root';

const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

let cloud: TestCloud;
let owner: S3Client;
let role: S3Client;

beforeAll(async () => {
  cloud = await startTestCloud();
  await cloud.call('iam', 'CreateRole', { RoleName: 'worker', AssumeRolePolicyDocument: '{"Statement":[]}' });
  owner = new S3Client(cloud.client);
  role = new S3Client(cloud.clientAs(ROLE, 'i-1'));
});
afterAll(async () => {
  owner.destroy();
  role.destroy();
  await cloud.close();
});

/** Sets the role's own policy. */
async function permit(...Statement: object[]): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await cloud.call('iam', 'PutRolePolicy', { RoleName: 'worker', PolicyName: 'own', PolicyDocument });
}

describe('the policy of a bucket', () => {
  let Bucket: string;
  let count = 0;
  beforeEach(async () => {
    count += 1;
    Bucket = `bucket-${count}`;
    await cloud.call('s3', 'CreateBucket', { Bucket });
    await permit();
  });

  const policy = (...statements: object[]) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: statements.map((one) => ({ Resource: `arn:aws:s3:::${Bucket}/*`, ...one })),
    });
  const set = (...statements: object[]) =>
    owner.send(new PutBucketPolicyCommand({ Bucket, Policy: policy(...statements) }));
  const allow = (AWS: string, more: object = {}) => ({
    ...{ Effect: 'Allow', Principal: { AWS }, Action: 's3:PutObject' },
    ...more,
  });
  const deny = (more: object = {}) => ({ ...allow('*'), Effect: 'Deny', ...more });
  const put = (client: S3Client, Key = 'a') =>
    client.send(new PutObjectCommand({ Bucket, Key, Body: 'content' }));

  test.each([
    ['the role', ROLE],
    ['its session', SESSION],
    ['everybody', '*'],
  ])('that names %s suffices without a policy of the role', async (_, principal) => {
    await expect(put(role)).rejects.toMatchObject(DENIED);
    await set(allow(principal));
    await put(role);
    await set(allow(principal, { Resource: `arn:aws:s3:::${Bucket}/others/*` }));
    await expect(put(role)).rejects.toMatchObject(DENIED);
  });

  test.each([ROOT, '000000000000'])(
    'that names the account as %s needs a policy of the role too',
    async (account) => {
      await set(allow(account));
      await expect(put(role)).rejects.toMatchObject(DENIED);
      await permit({ Effect: 'Allow', Action: 's3:PutObject', Resource: `arn:aws:s3:::${Bucket}/*` });
      await put(role);
    },
  );

  test.each([
    ['another role', { Principal: { AWS: `${ROLE}-2` } }],
    ['a service', { Principal: { Service: 'lambda.amazonaws.com' } }],
    ['another action', { Action: 's3:GetObject' }],
    ['a condition that TLS is missing', { Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
  ])('that allows %s gives no access', async (_, more) => {
    await set(allow(ROLE, more));
    await expect(put(role)).rejects.toMatchObject(DENIED);
  });

  test('that denies applies to everybody, whatever else allows it, also to the owner', async () => {
    await permit({ Effect: 'Allow', Action: 's3:*', Resource: '*' });
    await put(role);
    await set(allow(ROLE), deny());
    for (const client of [role, owner]) {
      await expect(put(client)).rejects.toMatchObject({
        ...DENIED,
        message: expect.stringContaining(
          `s3:PutObject on resource: arn:aws:s3:::${Bucket}/a with an explicit deny in a resource-based policy`,
        ),
      });
    }
    await owner.send(new GetObjectCommand({ Bucket, Key: 'a' }));
  });

  test('never prevents the owner from reading and removing the policy', async () => {
    await set(deny({ Action: 's3:*', Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`] }));
    await expect(put(owner)).rejects.toMatchObject(DENIED);
    const { Policy } = await owner.send(new GetBucketPolicyCommand({ Bucket }));
    expect(Policy).toContain('Deny');
    await owner.send(new DeleteBucketPolicyCommand({ Bucket }));
    await put(owner);
  });

  test("does not apply to the cloud's own calls", async () => {
    await set(deny());
    await cloud.call('s3', 'PutObject', { Bucket, Key: 'a', Body: 'content' });
  });

  test('applies to each key of DeleteObjects', async () => {
    await permit({ Effect: 'Allow', Action: 's3:DeleteObject', Resource: '*' });
    await set(deny({ Action: 's3:DeleteObject', Resource: `arn:aws:s3:::${Bucket}/kept/*` }));
    const Objects = [{ Key: 'kept/a' }, { Key: 'a' }];
    const { Deleted, Errors } = await role.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted).toMatchObject([{ Key: 'a' }]);
    expect(Errors).toMatchObject([{ Key: 'kept/a', Code: 'AccessDenied' }]);
  });

  test.each<[string, () => string, RegExp]>([
    ['is not JSON', () => 'no policy', /valid JSON/],
    ['has no statement', () => '{"Statement":[]}', /valid JSON/],
    [
      'names another bucket',
      () => policy(allow(ROLE, { Resource: 'arn:aws:s3:::another/*' })),
      /Policy has invalid resource/,
    ],
    ['names nobody', () => policy({ Effect: 'Deny', Action: 's3:*' }), /Missing required field Principal/],
    [
      'excepts somebody',
      () => policy({ Effect: 'Deny', Action: 's3:*', NotPrincipal: { AWS: ROLE } }),
      /does not evaluate NotPrincipal/,
    ],
  ])('that %s is refused', async (_, text, message) => {
    const refused = owner.send(new PutBucketPolicyCommand({ Bucket, Policy: text() }));
    await expect(refused).rejects.toMatchObject({
      name: 'MalformedPolicy',
      message: expect.stringMatching(message),
    });
  });
});

describe('the policy of a queue', () => {
  const ARN = 'arn:aws:sqs:us-east-1:000000000000:jobs';
  const QueueName = 'jobs';
  let QueueUrl: string;
  let sqs: SQSClient;
  let roleSqs: SQSClient;
  beforeAll(() => {
    sqs = new SQSClient(cloud.client);
    roleSqs = new SQSClient(cloud.clientAs(ROLE, 'i-1'));
  });
  afterAll(() => {
    sqs.destroy();
    roleSqs.destroy();
  });
  beforeEach(async () => {
    await permit();
    QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl ?? '';
    return async () => void (await sqs.send(new DeleteQueueCommand({ QueueUrl })));
  });

  const policy = (...statements: object[]) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: statements.map((one) => ({ Resource: ARN, ...one })),
    });
  const set = (Policy: string) =>
    sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  const allow = (AWS: string, Effect = 'Allow') => ({
    ...{ Effect, Principal: { AWS }, Action: 'sqs:SendMessage' },
  });
  const send = (client: SQSClient) => client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'job' }));

  test('that names a role suffices without a policy of the role, until it is removed', async () => {
    await expect(send(roleSqs)).rejects.toMatchObject(DENIED);
    await set(policy(allow(ROLE)));
    await send(roleSqs);
    const Entries = [{ Id: 'a', MessageBody: 'job' }];
    await roleSqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    await set('');
    await expect(send(roleSqs)).rejects.toMatchObject(DENIED);
  });

  test('is deleted with its queue', async () => {
    await set(policy(allow(ROLE)));
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    await sqs.send(new CreateQueueCommand({ QueueName }));
    await expect(send(roleSqs)).rejects.toMatchObject(DENIED);
  });

  test('may be given in CreateQueue', async () => {
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { Policy: policy(allow(ROLE)) } }));
    await send(roleSqs);
  });

  test('that denies applies to everybody, also to the owner, who can still change it', async () => {
    await permit({ Effect: 'Allow', Action: 'sqs:*', Resource: '*' });
    await set(policy({ ...allow('*', 'Deny'), Action: 'sqs:*' }));
    for (const client of [roleSqs, sqs]) {
      await expect(send(client)).rejects.toMatchObject({
        ...DENIED,
        message: expect.stringContaining('with an explicit deny in a resource-based policy'),
      });
    }
    await set('');
    await send(sqs);
    await send(roleSqs);
  });

  test('that cannot be evaluated is refused, and the one before stays', async () => {
    await set(policy(allow(ROLE)));
    const { Principal: _, ...nobody } = allow(ROLE);
    for (const bad of ['no policy', policy(nobody), policy({ ...nobody, NotPrincipal: { AWS: ROLE } })]) {
      await expect(set(bad)).rejects.toMatchObject({ name: 'InvalidAttributeValue' });
    }
    await send(roleSqs);
  });
});
