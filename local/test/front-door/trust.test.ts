import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ClientConfig, startTestCloud, type TestCloud } from '../support/cloud.ts';

const ACCOUNT = '000000000000';
const arnOf = (role: string) => `arn:aws:iam::${ACCOUNT}:role/${role}`;
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const INSTANCE = 'i-0123456789abcdef0';

let cloud: TestCloud;
let clients: STSClient[] = [];

beforeAll(async () => {
  cloud = await startTestCloud();
  for (const role of ['instance', 'worker']) await createRole(role);
});
afterAll(() => cloud.close());
beforeEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  await permit([]);
});

async function createRole(RoleName: string): Promise<void> {
  const AssumeRolePolicyDocument = JSON.stringify({ Statement: [] });
  await cloud.call('iam', 'CreateRole', { RoleName, AssumeRolePolicyDocument, MaxSessionDuration: 7200 });
}

/** Sets the trust policy of the worker role. */
async function trust(...Statement: object[]): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await cloud.call('iam', 'UpdateAssumeRolePolicy', { RoleName: 'worker', PolicyDocument });
}

/** Sets the instance role's own policy. */
async function permit(Statement: object[]): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await cloud.call('iam', 'PutRolePolicy', { RoleName: 'instance', PolicyName: 'own', PolicyDocument });
}

const allow = (AWS: string | string[], more = {}) => ({
  Effect: 'Allow',
  Action: 'sts:AssumeRole',
  Principal: { AWS },
  ...more,
});
const MAY_ASSUME = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: arnOf('worker') };

function client(config: ClientConfig): STSClient {
  const made = new STSClient(config);
  clients.push(made);
  return made;
}

function assume(more: object = {}, config = cloud.clientAs(arnOf('instance'), INSTANCE)) {
  const input = { RoleArn: arnOf('worker'), RoleSessionName: 'job', ...more };
  return client(config).send(new AssumeRoleCommand(input));
}

const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

describe('a role that another role assumes', () => {
  test('is the caller from then on', async () => {
    await trust(allow(arnOf('instance')));
    const { Credentials } = await assume();
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    const identity = await client({ ...cloud.client, credentials }).send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/worker/job`);
  });

  test.each([
    ['the role', arnOf('instance')],
    ['the session', `arn:aws:sts::${ACCOUNT}:assumed-role/instance/${INSTANCE}`],
  ])('that trusts %s by name can be assumed without a policy of the caller', async (_, principal) => {
    await trust(allow([arnOf('another'), principal]));
    await assume();
  });

  test.each([ACCOUNT, ROOT, '*'])(
    'that trusts %s can be assumed only with a policy of the caller',
    async (principal) => {
      await trust(allow(principal));
      await expect(assume()).rejects.toMatchObject(DENIED);
      await permit([MAY_ASSUME]);
      await assume();
    },
  );

  test.each<[string, object[]]>([
    ['nobody', []],
    ['another role', [allow(arnOf('another'))]],
    ['another session', [allow(`arn:aws:sts::${ACCOUNT}:assumed-role/instance/i-1`)]],
    ['another account', [allow('arn:aws:iam::111111111111:root')]],
    ['a service', [allow([], { Principal: { Service: 'ec2.amazonaws.com' } })]],
    ['another action', [allow(arnOf('instance'), { Action: 'sts:TagSession' })]],
    ['it but also denies it', [allow(arnOf('instance')), allow('*', { Effect: 'Deny' })]],
  ])('that allows %s cannot be assumed, whatever the caller may do', async (_, statements) => {
    await permit([MAY_ASSUME]);
    await trust(...statements);
    await expect(assume()).rejects.toMatchObject({
      ...DENIED,
      message: expect.stringContaining(
        `assumed-role/instance/${INSTANCE} is not authorized to perform: sts:`,
      ),
    });
  });

  test("cannot be assumed if the caller's own policies deny it", async () => {
    await trust(allow(arnOf('instance')));
    await permit([MAY_ASSUME, { Effect: 'Deny', Action: 'sts:*', Resource: '*' }]);
    await expect(assume()).rejects.toMatchObject(DENIED);
  });

  test('may set conditions', async () => {
    const named = { StringEquals: { 'sts:RoleSessionName': 'expected' } };
    const from = { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:role/inst*` } };
    await permit([MAY_ASSUME]);
    await trust(allow(ROOT, { Condition: { ...named, ...from } }));
    await expect(assume()).rejects.toMatchObject(DENIED);
    await assume({ RoleSessionName: 'expected' });
  });

  test('must trust the owner too', async () => {
    await trust(allow(arnOf('instance')));
    await expect(assume({}, cloud.client)).rejects.toMatchObject({
      ...DENIED,
      message: expect.stringContaining("because the role's trust policy does not allow it"),
    });
    await trust(allow(ROOT));
    await assume({}, cloud.client);
  });
});

describe('a session', () => {
  test("lasts an hour at most for a role, and the role's maximum for the owner", async () => {
    await trust(allow(arnOf('instance')), allow(ROOT));
    await assume({ DurationSeconds: 3600 });
    await expect(assume({ DurationSeconds: 3601 })).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringContaining('1 hour session limit for roles assumed by role chaining'),
    });
    await assume({ DurationSeconds: 7200 }, cloud.client);
    await expect(assume({ DurationSeconds: 7201 }, cloud.client)).rejects.toMatchObject({
      message: expect.stringContaining('MaxSessionDuration set for this role'),
    });
  });

  test.each([
    [{ RoleSessionName: 'no spaces' }, "'no spaces' at 'roleSessionName'"],
    [{ Policy: '{}' }, 'the parameter Policy of AssumeRole'],
    [{ SourceIdentity: 'somebody' }, 'the parameter SourceIdentity of AssumeRole'],
  ])('with %j is refused', async (more, message) => {
    await trust(allow(arnOf('instance')));
    await expect(assume(more)).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringContaining(message),
    });
  });
});
