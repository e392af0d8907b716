import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../../support/cloud.ts';

let cloud: TestCloud;
let owner: SecretsManagerClient;
const closing: { destroy(): void }[] = [];

beforeAll(async () => {
  cloud = await startTestCloud();
  owner = clientWith(cloud.client);
});
afterAll(async () => {
  for (const client of closing) client.destroy();
  await cloud.close();
});

function clientWith(config: TestCloud['client']): SecretsManagerClient {
  const client = new SecretsManagerClient(config);
  closing.push(client);
  return client;
}

const allow = (Action: string | string[], Resource: string, Condition?: object) => ({
  Effect: 'Allow',
  ...{ Action, Resource, ...(Condition && { Condition }) },
});

/** A client of a role with exactly these permissions. */
async function roleWith(...Statement: object[]): Promise<{ client: SecretsManagerClient; arn: string }> {
  const RoleName = `role-${randomUUID()}`;
  await cloud.call('iam', 'CreateRole', { RoleName, AssumeRolePolicyDocument: '{"Statement":[]}' });
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await cloud.call('iam', 'PutRolePolicy', { RoleName, PolicyName: 'own', PolicyDocument });
  const arn = `arn:aws:iam::${cloud.accountId}:role/${RoleName}`;
  return { client: clientWith(cloud.clientAs(arn, 'somebody')), arn };
}

const get = (client: SecretsManagerClient, SecretId: string, VersionStage?: string) =>
  client.send(new GetSecretValueCommand({ SecretId, VersionStage }));
const create = async (client: SecretsManagerClient, Name: string, KmsKeyId?: string) => {
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name, SecretString: 'sesame', KmsKeyId }));
  return ARN;
};
const createKey = async (input: Record<string, unknown> = {}) => {
  const { KeyMetadata } = await cloud.call('kms', 'CreateKey', input);
  return (KeyMetadata as { Arn: string }).Arn;
};
const READ = 'secretsmanager:GetSecretValue';
const prefix = 'arn:aws:secretsmanager:us-east-1:000000000000:secret';
const denied = (action: string, resource: string) => ({
  name: 'AccessDeniedException',
  message: expect.stringContaining(`is not authorized to perform: ${action} on resource: ${resource}`),
});

describe('a role reads a secret', () => {
  let arn: string;
  beforeAll(async () => {
    arn = await create(owner, 'team/db');
  });

  test.each([
    ['by its ARN', () => arn],
    ['by a pattern of six characters, as the CDK writes it', () => `${prefix}:team/db-??????`],
    ['by a prefix', () => `${prefix}:team/*`],
  ])('that its policy names %s, whichever id it asks for', async (_, resource) => {
    const { client } = await roleWith(allow(READ, resource()));
    for (const id of ['team/db', arn, `${prefix}:team/db`]) {
      expect((await get(client, id)).SecretString).toBe('sesame');
    }
  });

  test.each([
    ['without the suffix', READ, `${prefix}:team/db`],
    ['of another name', READ, `${prefix}:team/db2-??????`],
    ['for another action', 'secretsmanager:DescribeSecret', '*'],
  ])('not if its policy names an ARN %s', async (_, action, resource) => {
    const { client } = await roleWith(allow(action, resource));
    for (const id of ['team/db', arn]) await expect(get(client, id)).rejects.toMatchObject(denied(READ, arn));
  });

  test('only with a policy that covers it is a secret said to be missing', async () => {
    const { client: wide } = await roleWith(allow(READ, '*'));
    const { client: narrow } = await roleWith(allow(READ, `${prefix}:gone-??????`));
    const missing = { name: 'ResourceNotFoundException' };
    await expect(get(wide, 'gone')).rejects.toMatchObject(missing);
    await expect(get(narrow, `${prefix}:gone-AbCdEf`)).rejects.toMatchObject(missing);
    await expect(get(narrow, 'gone')).rejects.toMatchObject(denied(READ, 'gone'));
  });

  test('of a staging label only if the request names it', async () => {
    const stage = { 'ForAnyValue:StringEquals': { 'secretsmanager:VersionStage': ['AWSCURRENT'] } };
    const { client } = await roleWith(allow(READ, arn, stage));
    expect((await get(client, arn, 'AWSCURRENT')).SecretString).toBe('sesame');
    await expect(get(client, arn)).rejects.toMatchObject(denied(READ, arn));
  });

  test('with a tag', async () => {
    const tagged = { Name: 'tagged', SecretString: 'x', Tags: [{ Key: 'team', Value: 'a' }] };
    await owner.send(new CreateSecretCommand(tagged));
    const ofTeam = (team: string) =>
      roleWith(allow(READ, '*', { StringEquals: { 'secretsmanager:ResourceTag/team': team } }));
    expect((await get((await ofTeam('a')).client, 'tagged')).SecretString).toBe('x');
    await expect(get((await ofTeam('b')).client, 'tagged')).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
});

test('a role creates a secret whose name its policy has, before the suffix is known', async () => {
  const { client } = await roleWith(allow('secretsmanager:CreateSecret', `${prefix}:mine-??????`));
  expect(await create(client, 'mine')).toMatch(/secret:mine-\w{6}$/);
  await expect(create(client, 'yours')).rejects.toMatchObject({ name: 'AccessDeniedException' });
  const made = get(owner, 'yours');
  await expect(made).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

describe("a secret under AWS's own key", () => {
  test.each([undefined, 'alias/aws/secretsmanager'])(
    'needs no permission for a key: %s',
    async (KmsKeyId) => {
      const arn = await create(owner, `own-key-${KmsKeyId?.length ?? 0}`, KmsKeyId);
      const { client } = await roleWith(allow(READ, arn));
      expect((await get(client, arn)).SecretString).toBe('sesame');
    },
  );
});

describe('a secret under a key of the customer', () => {
  let key: string;
  let arn: string;
  beforeAll(async () => {
    key = await createKey();
    arn = await create(owner, 'keyed', key);
  });

  test('is read with kms:Decrypt alone', async () => {
    const { client } = await roleWith(allow(READ, arn), allow('kms:Decrypt', key));
    expect((await get(client, 'keyed')).SecretString).toBe('sesame');
  });

  test.each([
    ['no permission', () => [] as object[]],
    ['permission for another action', () => [allow('kms:GenerateDataKey', key)]],
    ['permission for another key', () => [allow('kms:Decrypt', `${key}0`)]],
  ])('is not read with %s', async (_, more) => {
    const { client } = await roleWith(allow(READ, arn), ...more());
    await expect(get(client, 'keyed')).rejects.toMatchObject(denied('kms:Decrypt', key));
  });

  test.each([
    ['the secret', () => ({ 'kms:EncryptionContext:SecretARN': arn }), true],
    ['another secret', () => ({ 'kms:EncryptionContext:SecretARN': `${arn}0` }), false],
    ['this service', () => ({ 'kms:ViaService': 'secretsmanager.us-east-1.amazonaws.com' }), true],
    ['another service', () => ({ 'kms:ViaService': 'ssm.us-east-1.amazonaws.com' }), false],
    ['the account', () => ({ 'kms:CallerAccount': '000000000000' }), true],
  ])('is read only as the conditions on the key say: %s', async (_, condition, allowed) => {
    const decrypt = allow('kms:Decrypt', key, { StringEquals: condition() });
    const { client } = await roleWith(allow(READ, arn), decrypt);
    if (allowed) expect((await get(client, 'keyed')).SecretString).toBe('sesame');
    else await expect(get(client, 'keyed')).rejects.toMatchObject(denied('kms:Decrypt', key));
  });

  test("is read by a role that only the key's policy names, as the CDK's grantRead writes it", async () => {
    const { client, arn: roleArn } = await roleWith(allow(READ, '*'));
    const Condition = { StringEquals: { 'kms:ViaService': 'secretsmanager.us-east-1.amazonaws.com' } };
    const named = { ...allow('kms:Decrypt', '*', Condition), Principal: { AWS: roleArn } };
    const own = await createKey({ Policy: JSON.stringify({ Statement: [named] }) });
    const other = await createKey();
    const secret = async (keyId: string) => {
      const { ARN } = await cloud.call('secretsmanager', 'CreateSecret', {
        ...{ Name: randomUUID(), KmsKeyId: keyId, SecretString: 'x', ClientRequestToken: randomUUID() },
      });
      return String(ARN);
    };
    expect((await get(client, await secret(own))).SecretString).toBe('x');
    await expect(get(client, await secret(other))).rejects.toMatchObject(denied('kms:Decrypt', other));
  });

  test('is created and written with kms:GenerateDataKey, and created with kms:Decrypt besides', async () => {
    const { client } = await roleWith(...[allow('secretsmanager:*', '*'), allow('kms:GenerateDataKey', key)]);
    await client.send(new PutSecretValueCommand({ SecretId: 'keyed', SecretString: 'sesame' }));
    await expect(create(client, 'refused', key)).rejects.toMatchObject(denied('kms:Decrypt', key));
    const { client: both } = await roleWith(
      ...[allow('secretsmanager:*', '*'), allow(['kms:GenerateDataKey', 'kms:Decrypt'], key)],
    );
    expect(await create(both, 'made-with-key', key)).toMatch(/made-with-key/);
    const { client: reader } = await roleWith(allow('secretsmanager:*', '*'), allow('kms:Decrypt', key));
    const write = reader.send(new PutSecretValueCommand({ SecretId: 'keyed', SecretString: 'y' }));
    await expect(write).rejects.toMatchObject(denied('kms:GenerateDataKey', key));
    expect((await get(owner, 'keyed')).SecretString).toBe('sesame');
  });

  test('that gets another key is read with the new one', async () => {
    const next = await createKey();
    const moved = await create(owner, 'moved', key);
    const { client: before } = await roleWith(allow(READ, moved), allow('kms:Decrypt', key));
    const { client: after } = await roleWith(allow(READ, moved), allow('kms:Decrypt', next));
    await expect(get(after, moved)).rejects.toMatchObject(denied('kms:Decrypt', key));
    await owner.send(new UpdateSecretCommand({ SecretId: moved, KmsKeyId: next }));
    expect((await get(after, moved)).SecretString).toBe('sesame');
    await expect(get(before, moved)).rejects.toMatchObject(denied('kms:Decrypt', next));
  });

  test('is neither read nor written once the key is pending deletion', async () => {
    const gone = await createKey();
    const lost = await create(owner, 'lost', gone);
    await cloud.call('kms', 'ScheduleKeyDeletion', { KeyId: gone, PendingWindowInDays: 7 });
    await expect(get(owner, lost)).rejects.toMatchObject({
      name: 'DecryptionFailure',
      message: expect.stringContaining(`${gone} is pending deletion`),
    });
    const write = owner.send(new PutSecretValueCommand({ SecretId: lost, SecretString: 'y' }));
    await expect(write).rejects.toMatchObject({ name: 'EncryptionFailure' });
  });

  test('cannot be created with a key that does not exist, also not by CloudFormation', async () => {
    const refused = { name: 'EncryptionFailure', message: expect.stringContaining("'alias/none' does not") };
    await expect(create(owner, 'keyless', 'alias/none')).rejects.toMatchObject(refused);
    const input = { Name: 'keyless', KmsKeyId: 'alias/none' };
    await expect(cloud.call('secretsmanager', 'CreateSecret', input)).rejects.toThrow(
      /'alias\/none' does not/,
    );
    await expect(get(owner, 'keyless')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});
