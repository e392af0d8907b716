import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DynamoDBClient,
  ListTablesCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSimulatedClock } from '../../clock.ts';
import { type ClientConfig, startTestCloud, type TestCloud } from '../support/cloud.ts';

const clock = createSimulatedClock();
const ROLE = 'arn:aws:iam::000000000000:role/worker';
let cloud: TestCloud;
let agent: ClientConfig;
let QueueUrl: string;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  const trust = JSON.stringify({ Statement: [] });
  await cloud.call('iam', 'CreateRole', { RoleName: 'worker', AssumeRolePolicyDocument: trust });
  const queue = await cloud.call('sqs', 'CreateQueue', { QueueName: 'jobs' });
  QueueUrl = String(queue['QueueUrl']);
  await cloud.call('s3', 'CreateBucket', { Bucket: 'assets' });
});
afterAll(() => cloud.close());
beforeEach(async () => {
  agent = cloud.clientAs(ROLE, 'i-0123456789abcdef0');
  await permit({
    Effect: 'Allow',
    Action: 'sqs:SendMessage',
    Resource: 'arn:aws:sqs:us-east-1:000000000000:jobs',
  });
});

async function permit(...Statement: object[]): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await cloud.call('iam', 'PutRolePolicy', { RoleName: 'worker', PolicyName: 'own', PolicyDocument });
}

/** Sends one command with a client and destroys the client. */
async function using<C extends { destroy(): void }, T>(
  client: C,
  use: (client: C) => Promise<T>,
): Promise<T> {
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

const send = (config: ClientConfig) =>
  using(new SQSClient(config), (sqs) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' })));
const receive = (config: ClientConfig) =>
  using(new SQSClient(config), (sqs) => sqs.send(new ReceiveMessageCommand({ QueueUrl })));

describe('a role', () => {
  test('may do only what its policies allow; the owner may do everything', async () => {
    await send(agent);
    await receive(cloud.client);
    await expect(receive(agent)).rejects.toMatchObject({
      message:
        'User: arn:aws:sts::000000000000:assumed-role/worker/i-0123456789abcdef0 is not authorized to perform: ' +
        'sqs:ReceiveMessage on resource: arn:aws:sqs:us-east-1:000000000000:jobs ' +
        'because no identity-based policy allows the sqs:ReceiveMessage action',
    });
    const [refused] = (await cloud.calls()).slice(-1);
    expect(refused).toMatchObject({
      caller: 'worker/i-0123456789abcdef0',
      error: 'AccessDenied',
      status: 403,
    });
  });

  test('needs for a batch the permission of a single call', async () => {
    const Entries = [{ Id: 'a', MessageBody: 'a' }];
    const sent = await using(new SQSClient(agent), (sqs) =>
      sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries })),
    );
    expect(sent.Successful).toHaveLength(1);
  });

  test('is denied by a deny, whatever is allowed', async () => {
    await permit(
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: 'sqs:*', Resource: '*' },
    );
    await expect(send(agent)).rejects.toMatchObject({
      message: expect.stringContaining('with an explicit deny'),
    });
  });

  test("may be limited to its own instance by the session's name", async () => {
    const Condition = {
      StringEquals: {
        'ec2:SourceInstanceARN': 'arn:aws:ec2:us-east-1:000000000000:instance/i-0123456789abcdef0',
      },
    };
    await permit({ Effect: 'Allow', Action: 'sqs:*', Resource: '*', Condition });
    await send(agent);
    await expect(send(cloud.clientAs(ROLE, 'i-0fedcba9876543210'))).rejects.toThrow('not authorized');
  });

  test('that was deleted may do nothing', async () => {
    const gone = cloud.clientAs('arn:aws:iam::000000000000:role/gone', 'i-1');
    await expect(send(gone)).rejects.toThrow('not authorized');
  });

  test('has its managed policies too', async () => {
    const PolicyDocument = JSON.stringify({
      Statement: [{ Effect: 'Allow', Action: 'sqs:Rec*', Resource: '*' }],
    });
    const made = await cloud.call('iam', 'CreatePolicy', { PolicyName: 'receiving', PolicyDocument });
    const { Arn: PolicyArn } = made['Policy'] as { Arn: string };
    await cloud.call('iam', 'AttachRolePolicy', { RoleName: 'worker', PolicyArn });
    await receive(agent);
    await cloud.call('iam', 'DetachRolePolicy', { RoleName: 'worker', PolicyArn });
    await expect(receive(agent)).rejects.toThrow('not authorized');
  });
});

describe('each service has its own error code', () => {
  test.each<[string, (config: ClientConfig) => Promise<unknown>, object]>([
    ['sqs', receive, { name: 'AccessDenied' }],
    [
      'dynamodb',
      (config) => using(new DynamoDBClient(config), (client) => client.send(new ListTablesCommand({}))),
      { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } },
    ],
    [
      'autoscaling',
      (config) =>
        using(new AutoScalingClient(config), (client) =>
          client.send(new DescribeAutoScalingGroupsCommand({})),
        ),
      { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } },
    ],
    [
      'ec2',
      (config) => using(new EC2Client(config), (client) => client.send(new DescribeInstancesCommand({}))),
      { name: 'UnauthorizedOperation', $metadata: { httpStatusCode: 403 } },
    ],
    [
      's3',
      (config) =>
        using(new S3Client(config), (client) =>
          client.send(new GetObjectCommand({ Bucket: 'assets', Key: 'x' })),
        ),
      {
        name: 'AccessDenied',
        message: expect.stringContaining('s3:GetObject on resource: arn:aws:s3:::assets/x'),
      },
    ],
  ])('%s', async (_, call, error) => {
    await expect(call(agent)).rejects.toMatchObject(error);
  });

  test('a refused upload leaves the connection usable', async () => {
    await using(new S3Client(agent), async (client) => {
      const Body = Buffer.alloc(300_000);
      for (const Key of ['a', 'b']) {
        const put = client.send(new PutObjectCommand({ Bucket: 'assets', Key, Body }));
        await expect(put).rejects.toMatchObject({ name: 'AccessDenied' });
      }
    });
  });
});

describe('a permission for a part of a call', () => {
  const s3 = <T>(use: (client: S3Client) => Promise<T>) => using(new S3Client(agent), use);
  const get = (Key: string) => s3((client) => client.send(new GetObjectCommand({ Bucket: 'assets', Key })));
  const reading = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::assets/*' };
  const listing = { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::assets' };

  test('only a caller who may list the bucket learns that an object is missing', async () => {
    await permit(reading);
    await expect(get('none')).rejects.toMatchObject({ name: 'AccessDenied' });
    const head = s3((client) => client.send(new HeadObjectCommand({ Bucket: 'assets', Key: 'none' })));
    await expect(head).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    await permit(reading, listing);
    await expect(get('none')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('decides for each object of a deletion', async () => {
    await permit({ Effect: 'Allow', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::assets/jobs/*' });
    const Objects = [{ Key: 'jobs/a' }, { Key: 'bodies/a' }];
    const { Deleted, Errors } = await s3((client) =>
      client.send(new DeleteObjectsCommand({ Bucket: 'assets', Delete: { Objects } })),
    );
    expect(Deleted).toEqual([{ Key: 'jobs/a' }]);
    expect(Errors).toMatchObject([{ Key: 'bodies/a', Code: 'AccessDenied' }]);
  });

  test('limits a listing to one prefix', async () => {
    await permit({ ...listing, Condition: { StringLike: { 's3:prefix': 'jobs/*' } } });
    const list = (Prefix?: string) =>
      s3((client) => client.send(new ListObjectsV2Command({ Bucket: 'assets', ...(Prefix && { Prefix }) })));
    await list('jobs/a/');
    await expect(list('bodies/')).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(list()).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('limits items to some partition keys, in a batch too', async () => {
    const TableName = 'jobs';
    await cloud.call('dynamodb', 'CreateTable', {
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    });
    await permit({
      Effect: 'Allow',
      Action: ['dynamodb:PutItem', 'dynamodb:BatchWriteItem', 'dynamodb:BatchGetItem'],
      Resource: '*',
      Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'job#*' } },
    });
    const item = (pk: string) => ({ pk: { S: pk } });
    const commands = {
      put: ([pk = '']: string[]) => new PutItemCommand({ TableName, Item: item(pk) }),
      write: (pks: string[]) =>
        new BatchWriteItemCommand({
          RequestItems: { [TableName]: pks.map((pk) => ({ PutRequest: { Item: item(pk) } })) },
        }),
      get: (pks: string[]) =>
        new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: pks.map(item) } } }),
    };
    await using(new DynamoDBClient(agent), async (client) => {
      const denied = { name: 'AccessDeniedException' };
      await client.send(commands.put(['job#1']));
      await expect(client.send(commands.put(['fleet']))).rejects.toMatchObject(denied);
      await client.send(commands.write(['job#1', 'job#2']));
      await expect(client.send(commands.write(['job#1', 'fleet']))).rejects.toMatchObject(denied);
      await client.send(commands.get(['job#1', 'job#2']));
      await expect(client.send(commands.get(['fleet', 'job#2']))).rejects.toMatchObject(denied);
    });
  });
});

describe('sessions', () => {
  const whoAmI = (config: ClientConfig) =>
    using(new STSClient(config), (sts) => sts.send(new GetCallerIdentityCommand({})));

  test('of an assumed role act as that role', async () => {
    const RoleArn = 'arn:aws:iam::000000000000:role/cdk-hnb659fds-deploy-role-000000000000-us-east-1';
    const { Credentials } = await using(new STSClient(cloud.client), (sts) =>
      sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'deploy' })),
    );
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    const identity = await whoAmI({ ...cloud.client, credentials });
    expect(identity.Arn).toMatch(/:assumed-role\/cdk-hnb659fds-deploy-role-000000000000-us-east-1\/deploy$/);
  });

  test('may always call GetCallerIdentity', async () => {
    expect((await whoAmI(agent)).Arn).toMatch(/:assumed-role\/worker\/i-0123456789abcdef0$/);
  });

  test('cannot be issued for a role that does not exist', async () => {
    const RoleArn = 'arn:aws:iam::000000000000:role/none';
    const assumed = using(new STSClient(cloud.client), (sts) =>
      sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'x1' })),
    );
    await expect(assumed).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('expire', async () => {
    await send(agent);
    await clock.advance(3_600_000);
    await expect(send(agent)).rejects.toMatchObject({ name: 'ExpiredToken' });
    await expect(whoAmI(agent)).rejects.toMatchObject({ name: 'ExpiredToken' });
  });

  test('that were never issued, or come with another token, are refused', async () => {
    const credentials = { accessKeyId: 'ASIAXXXXXXXXXXXXXXXX', secretAccessKey: 'x', sessionToken: 'x' };
    await expect(whoAmI({ ...cloud.client, credentials })).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    });
    const stolen = { ...agent, credentials: { ...agent.credentials, sessionToken: 'another' } };
    await expect(whoAmI(stolen)).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    const refused = (await cloud.calls()).at(-1);
    expect(refused).toMatchObject({ service: 'sts', caller: 'unknown', error: 'InvalidClientTokenId' });
  });

  test("that belong to no role are the owner's", async () => {
    expect((await whoAmI(cloud.client)).Arn).toBe('arn:aws:iam::000000000000:root');
  });
});

describe('the log', () => {
  test('has no secrets and no long strings', async () => {
    await cloud.call('ssm', 'PutParameter', { Name: 'p', Type: 'SecureString', Value: 'hunter2' });
    await cloud.call('sqs', 'SendMessage', { QueueUrl, MessageBody: 'y'.repeat(10_000) });
    await cloud.call('ssm', 'PutParameter', { Name: 'p', Overwrite: true, Value: 'hunter2' });
    const [parameter, message, overwritten] = (await cloud.calls()).slice(-3);
    for (const one of [parameter, overwritten]) {
      expect(one?.input).toMatchObject({ Name: 'p', Value: '(secret)' });
    }
    expect(JSON.stringify(message).length).toBeLessThan(1000);
    const whole = JSON.stringify(await cloud.calls());
    expect(whole).not.toContain(agent.credentials.sessionToken);
    expect(whole).not.toContain(agent.credentials.secretAccessKey);
  });
});
