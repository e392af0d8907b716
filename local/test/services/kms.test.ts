import { CreateTableCommand, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import {
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';

/** Stores whose data is encrypted with one key, and clients of the owner and of roles. */
let cloud: TestCloud;
let key: string;
let QueueUrl: string;
const TableName = 'table';
const Bucket = 'bucket';
const closing: { destroy(): void }[] = [];

const clientsWith = (config: TestCloud['client']) => {
  const clients = {
    sqs: new SQSClient(config),
    s3: new S3Client(config),
    dynamodb: new DynamoDBClient(config),
    ssm: new SSMClient(config),
  };
  closing.push(...Object.values(clients));
  return clients;
};

/** Clients of a role with full access to the stores, and these permissions on keys. */
const roleWith = (RoleName: string, ...statements: object[]) =>
  bareRole(
    RoleName,
    { Effect: 'Allow', Action: ['sqs:*', 's3:*', 'dynamodb:*'], Resource: '*' },
    ...statements,
  );

/** Clients of a role with exactly these permissions. */
async function bareRole(RoleName: string, ...Statement: object[]) {
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await cloud.call('iam', 'CreateRole', { RoleName, AssumeRolePolicyDocument: '{"Statement":[]}' });
  await cloud.call('iam', 'PutRolePolicy', { RoleName, PolicyName: 'own', PolicyDocument });
  return clientsWith(cloud.clientAs(`arn:aws:iam::${cloud.accountId}:role/${RoleName}`, 'somebody'));
}

const send = ({ sqs }: ReturnType<typeof clientsWith>) =>
  sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
const put = ({ s3 }: ReturnType<typeof clientsWith>, Key = 'new') =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
const get = ({ s3 }: ReturnType<typeof clientsWith>, Key = 'there') =>
  s3.send(new GetObjectCommand({ Bucket, Key }));
const item = ({ dynamodb }: ReturnType<typeof clientsWith>) =>
  dynamodb.send(new GetItemCommand({ TableName, Key: { pk: { S: '1' } } }));

const createKey = async (input: object = {}): Promise<string> => {
  const { KeyMetadata } = await cloud.call('kms', 'CreateKey', input as Record<string, unknown>);
  return (KeyMetadata as { Arn: string }).Arn;
};

const encrypt = (KMSMasterKeyID: string, BucketKeyEnabled = false) =>
  new PutBucketEncryptionCommand({
    Bucket,
    ServerSideEncryptionConfiguration: {
      Rules: [
        {
          ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID },
          BucketKeyEnabled,
        },
      ],
    },
  });

beforeAll(async () => {
  cloud = await startTestCloud();
  key = await createKey();
  const owner = clientsWith(cloud.client);
  const queue = { QueueName: 'queue', Attributes: { KmsMasterKeyId: key } };
  ({ QueueUrl: QueueUrl = '' } = await owner.sqs.send(new CreateQueueCommand(queue)));
  await owner.dynamodb.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: key },
    }),
  );
  await owner.s3.send(new CreateBucketCommand({ Bucket }));
  await put(owner, 'open');
  await owner.s3.send(encrypt(key));
  await put(owner, 'there');
});
afterAll(async () => {
  for (const client of closing) client.destroy();
  await cloud.close();
});

describe('stores under a key', () => {
  test('serve the owner, and a role with permission for the key', async () => {
    const actions = ['kms:Decrypt', 'kms:GenerateDataKey'];
    const clients = [
      clientsWith(cloud.client),
      await roleWith('trusted', { Effect: 'Allow', Action: actions, Resource: key }),
    ];
    for (const one of clients) {
      await send(one);
      await put(one);
      await get(one);
      await item(one);
    }
  });

  test('refuse a role without permission, each with its own error', async () => {
    const role = await roleWith('stranger');
    const missing = (action: string) =>
      new RegExp(`not authorized to perform: ${action} on resource: ${key}`);
    await expect(send(role)).rejects.toMatchObject({
      name: 'KmsAccessDenied',
      message: expect.stringMatching(missing('kms:GenerateDataKey')),
    });
    const receive = role.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    await expect(receive).rejects.toMatchObject({ name: 'KmsAccessDenied' });
    const SourceArn = `arn:aws:sqs:${cloud.region}:${cloud.accountId}:queue`;
    const move = role.sqs.send(new StartMessageMoveTaskCommand({ SourceArn }));
    await expect(move).rejects.toMatchObject({ name: 'KmsAccessDenied' });
    await expect(put(role)).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringMatching(missing('kms:GenerateDataKey')),
    });
    await expect(get(role)).rejects.toMatchObject({ message: expect.stringMatching(missing('kms:Decrypt')) });
    await expect(item(role)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test("serve a role that only the key's policy allows, and refuse one that it does not", async () => {
    const role = await roleWith('named', { Effect: 'Allow', Action: 'kms:*', Resource: '*' });
    const named = (RoleName: string) => ({
      Policy: JSON.stringify({
        Statement: {
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${cloud.accountId}:role/${RoleName}` },
          Action: 'kms:*',
          Resource: '*',
        },
      }),
    });
    await cloud.call('sqs', 'SetQueueAttributes', {
      QueueUrl,
      Attributes: { KmsMasterKeyId: await createKey(named('stranger')) },
    });
    await expect(send(role)).rejects.toMatchObject({ name: 'KmsAccessDenied' });
    await cloud.call('sqs', 'SetQueueAttributes', {
      QueueUrl,
      Attributes: { KmsMasterKeyId: await createKey(named('named')) },
    });
    await send(role);
    await cloud.call('sqs', 'SetQueueAttributes', { QueueUrl, Attributes: { KmsMasterKeyId: '' } });
    await send(await roleWith('anybody'));
  });
});

describe('objects', () => {
  const forObjects = (...arns: string[]) => ({
    ...{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' },
    Condition: { StringEquals: { 'kms:EncryptionContext:aws:s3:arn': arns } },
  });

  test("are decrypted if the encryption context is allowed: the object's, or the bucket's with a bucket key", async () => {
    const ofObject = await roleWith('of-object', forObjects(`arn:aws:s3:::${Bucket}/there`));
    const ofBucket = await roleWith('of-bucket', forObjects(`arn:aws:s3:::${Bucket}`));
    await get(ofObject);
    await expect(get(ofBucket)).rejects.toMatchObject({ name: 'AccessDenied' });
    const owner = clientsWith(cloud.client);
    await owner.s3.send(encrypt(key, true));
    await put(owner, 'there');
    await get(ofBucket);
    await expect(get(ofObject)).rejects.toMatchObject({ name: 'AccessDenied' });
    await owner.s3.send(encrypt(key));
    await put(owner, 'there');
  });

  test('that were written before the key need no key', async () => {
    await get(await roleWith('reader'), 'open');
  });
});

describe('secure strings', () => {
  const Name = '/secret/password';
  const arn = () => `arn:aws:ssm:${cloud.region}:${cloud.accountId}:parameter${Name}`;
  const decrypt = (PARAMETER_ARN: string) => [
    { Effect: 'Allow', Action: 'ssm:*', Resource: '*' },
    {
      ...{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: key },
      Condition: { StringEquals: { 'kms:EncryptionContext:PARAMETER_ARN': PARAMETER_ARN } },
    },
  ];
  const put = { Name, Value: 'sesame', Type: 'SecureString', Overwrite: true } as const;

  test('are decrypted if the encryption context is allowed, and returned encrypted to others', async () => {
    await cloud.call('ssm', 'PutParameter', { ...put, KeyId: key });
    const own = await roleWith('own-parameter', ...decrypt(arn()));
    const other = await roleWith('other-parameter', ...decrypt(`${arn()}-2`));
    const get = ({ ssm }: typeof own, WithDecryption: boolean) =>
      ssm.send(new GetParameterCommand({ Name, WithDecryption }));
    expect((await get(own, true)).Parameter?.Value).toBe('sesame');
    expect((await get(other, false)).Parameter?.Value).not.toContain('sesame');
    const refused = { name: 'AccessDeniedException', message: expect.stringContaining('kms:Decrypt') };
    await expect(get(other, true)).rejects.toMatchObject(refused);
    const several = other.ssm.send(new GetParametersCommand({ Names: [Name], WithDecryption: true }));
    await expect(several).rejects.toMatchObject(refused);
    const below = other.ssm.send(new GetParametersByPathCommand({ Path: '/secret', WithDecryption: true }));
    await expect(below).rejects.toMatchObject(refused);
  });

  const read = ({ ssm }: ReturnType<typeof clientsWith>, name: string) =>
    ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
  const readOnly = (RoleName: string, ...statements: object[]) =>
    bareRole(RoleName, { Effect: 'Allow', Action: 'ssm:GetParameter', Resource: '*' }, ...statements);
  const keyAllowed = (condition?: object) => ({
    ...{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: key },
    ...(condition && { Condition: { StringEquals: condition } }),
  });

  test.each([undefined, 'alias/aws/ssm'])(
    "under AWS's own key are decrypted with ssm:GetParameter alone: %s",
    async (KeyId) => {
      const name = `/own-key/${KeyId?.length ?? 0}`;
      await cloud.call('ssm', 'PutParameter', { ...put, Name: name, KeyId });
      const role = await readOnly(`own-key-${KeyId?.length ?? 0}`);
      expect((await read(role, name)).Parameter?.Value).toBe('sesame');
    },
  );

  test('under a key of the customer are decrypted with ssm:GetParameter and kms:Decrypt alone', async () => {
    await cloud.call('ssm', 'PutParameter', { ...put, Name: '/keyed', KeyId: key });
    expect((await read(await readOnly('decrypts', keyAllowed()), '/keyed')).Parameter?.Value).toBe('sesame');
    const via = (service: string) => keyAllowed({ 'kms:ViaService': `${service}.us-east-1.amazonaws.com` });
    expect((await read(await readOnly('via-ssm', via('ssm')), '/keyed')).Parameter?.Value).toBe('sesame');
    for (const role of [await readOnly('without'), await readOnly('via-other', via('secretsmanager'))]) {
      await expect(read(role, '/keyed')).rejects.toMatchObject({
        name: 'AccessDeniedException',
        message: expect.stringContaining(`kms:Decrypt on resource: ${key}`),
      });
    }
    const other = await bareRole('kms-only', keyAllowed());
    await expect(read(other, '/keyed')).rejects.toMatchObject({
      message: expect.stringContaining('ssm:GetParameter on resource'),
    });
  });

  test("are written with permission for the key, and need none for AWS's own key", async () => {
    const role = await roleWith('writer', ...decrypt(arn()));
    const write = (KeyId?: string) => role.ssm.send(new PutParameterCommand({ ...put, KeyId }));
    await expect(write(key)).rejects.toMatchObject({ message: expect.stringContaining('kms:Encrypt') });
    await write();
    const { Parameter } = await role.ssm.send(new GetParameterCommand({ Name, WithDecryption: true }));
    expect(Parameter?.Value).toBe('sesame');
  });
});

describe('secure strings under a key that cannot be used', () => {
  test('are not decrypted, and say so as SSM does', async () => {
    const gone = await createKey();
    await cloud.call('ssm', 'PutParameter', { Name: '/gone', Value: 'x', Type: 'SecureString', KeyId: gone });
    await cloud.call('kms', 'ScheduleKeyDeletion', { KeyId: gone, PendingWindowInDays: 7 });
    const { ssm } = clientsWith(cloud.client);
    const read = ssm.send(new GetParameterCommand({ Name: '/gone', WithDecryption: true }));
    await expect(read).rejects.toMatchObject({
      name: 'InvalidKeyId',
      message: `${gone} is pending deletion. (Service: AWSKMS; Error Code: KMSInvalidStateException)`,
    });
    const missing = { Name: '/none', Value: 'x', Type: 'SecureString', KeyId: 'alias/none' } as const;
    await expect(ssm.send(new PutParameterCommand(missing))).rejects.toMatchObject({ name: 'InvalidKeyId' });
  });
});

describe('a key', () => {
  test('that is pending deletion cannot be used', async () => {
    const gone = await createKey();
    await cloud.call('kms', 'ScheduleKeyDeletion', { KeyId: gone, PendingWindowInDays: 7 });
    const owner = clientsWith(cloud.client);
    await owner.s3.send(encrypt(gone));
    await expect(put(owner)).rejects.toMatchObject({ message: expect.stringContaining('pending deletion') });
    await owner.s3.send(encrypt(key));
  });

  test('is found by its alias until the alias is deleted', async () => {
    const AliasName = 'alias/mine';
    await cloud.call('kms', 'CreateAlias', { AliasName, TargetKeyId: key });
    const { KeyMetadata } = await cloud.call('kms', 'DescribeKey', { KeyId: AliasName });
    expect(KeyMetadata).toMatchObject({ Arn: key, KeyState: 'Enabled' });
    await cloud.call('kms', 'DeleteAlias', { AliasName });
    await expect(cloud.call('kms', 'DescribeKey', { KeyId: AliasName })).rejects.toThrow(/does not exist/);
  });

  test.each([
    [{ KeySpec: 'RSA_2048' }, /KeySpec RSA_2048 is not implemented here/],
    [{ MultiRegion: true }, /MultiRegion true is not implemented here/],
    [{ Policy: 'none' }, /key policy is not valid/],
  ])('of another kind is refused by name: %j', async (input, message) => {
    await expect(createKey(input)).rejects.toThrow(message);
  });
});
