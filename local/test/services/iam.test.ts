import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AwsError } from '../../front-door/service.ts';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { signedFetch } from '../support/sigv4.ts';

const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sqs:*', Resource: '*' }],
});
let cloud: TestCloud;
let count = 0;
let RoleName: string;

beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.close());

const iam = (action: string, input: Record<string, unknown> = {}) => cloud.call('iam', action, input);
const code = async (call: Promise<unknown>) => {
  const error: unknown = await call.catch((thrown: unknown) => thrown);
  return error instanceof AwsError ? error.code : error;
};

beforeEach(async () => {
  count += 1;
  RoleName = `role-${count}`;
  await iam('CreateRole', { RoleName, AssumeRolePolicyDocument: POLICY, Tags: [{ Key: 'a', Value: 'b' }] });
});

describe('roles', () => {
  test('are described as they were created, with documents encoded as AWS does', async () => {
    const { Role } = await iam('GetRole', { RoleName });
    expect(Role).toMatchObject({
      RoleName,
      Arn: `arn:aws:iam::000000000000:role/${RoleName}`,
      AssumeRolePolicyDocument: encodeURIComponent(POLICY),
      Tags: [{ Key: 'a', Value: 'b' }],
    });
  });

  test('exist once, and are named if they do not exist', async () => {
    expect(await code(iam('CreateRole', { RoleName, AssumeRolePolicyDocument: POLICY }))).toBe(
      'EntityAlreadyExists',
    );
    expect(await code(iam('GetRole', { RoleName: 'none' }))).toBe('NoSuchEntity');
    expect(await code(iam('CreateRole', { RoleName: 'no spaces', AssumeRolePolicyDocument: POLICY }))).toBe(
      'ValidationError',
    );
  });

  test('are deleted last', async () => {
    await iam('PutRolePolicy', { RoleName, PolicyName: 'own', PolicyDocument: POLICY });
    expect(await code(iam('DeleteRole', { RoleName }))).toBe('DeleteConflict');
    await iam('DeleteRolePolicy', { RoleName, PolicyName: 'own' });
    await iam('CreateInstanceProfile', { InstanceProfileName: RoleName });
    await iam('AddRoleToInstanceProfile', { InstanceProfileName: RoleName, RoleName });
    expect(await code(iam('DeleteRole', { RoleName }))).toBe('DeleteConflict');
    expect(await code(iam('DeleteInstanceProfile', { InstanceProfileName: RoleName }))).toBe(
      'DeleteConflict',
    );
    await iam('RemoveRoleFromInstanceProfile', { InstanceProfileName: RoleName, RoleName });
    await iam('DeleteInstanceProfile', { InstanceProfileName: RoleName });
    await iam('DeleteRole', { RoleName });
    expect(await code(iam('GetRole', { RoleName }))).toBe('NoSuchEntity');
  });
});

describe('policies', () => {
  test.each(['', '{', '[]', '{}', '{"Statement":[{"Effect":"Perhaps"}]}'])(
    '%j is not a policy',
    async (document) => {
      const refused = await code(
        iam('PutRolePolicy', { RoleName, PolicyName: 'p', PolicyDocument: document }),
      );
      expect(refused).toBe(document === '' ? 'ValidationError' : 'MalformedPolicyDocument');
    },
  );

  test('of a role are returned', async () => {
    await iam('PutRolePolicy', { RoleName, PolicyName: 'own', PolicyDocument: POLICY });
    expect(await iam('ListRolePolicies', { RoleName })).toMatchObject({ PolicyNames: ['own'] });
    const { PolicyDocument } = await iam('GetRolePolicy', { RoleName, PolicyName: 'own' });
    expect(decodeURIComponent(String(PolicyDocument))).toBe(POLICY);
  });

  test('that are managed have up to five versions, and cannot be deleted while a role has them', async () => {
    const made = await iam('CreatePolicy', { PolicyName: `managed-${count}`, PolicyDocument: POLICY });
    const { Arn: PolicyArn } = made['Policy'] as { Arn: string };
    await iam('AttachRolePolicy', { RoleName, PolicyArn });
    expect(await code(iam('DeletePolicy', { PolicyArn }))).toBe('DeleteConflict');
    const version = { PolicyArn, PolicyDocument: POLICY, SetAsDefault: true };
    for (let number = 2; number <= 5; number += 1) await iam('CreatePolicyVersion', version);
    expect(await code(iam('CreatePolicyVersion', version))).toBe('LimitExceeded');
    expect(await code(iam('DeletePolicyVersion', { PolicyArn, VersionId: 'v5' }))).toBe('DeleteConflict');
    await iam('DeletePolicyVersion', { PolicyArn, VersionId: 'v1' });
    await iam('DetachRolePolicy', { RoleName, PolicyArn });
    await iam('DeletePolicy', { PolicyArn });
  });

  test('of AWS itself may be attached even if they are unknown here', async () => {
    await iam('AttachRolePolicy', { RoleName, PolicyArn: 'arn:aws:iam::aws:policy/SomethingNew' });
    const unknown = iam('AttachRolePolicy', { RoleName, PolicyArn: 'arn:aws:iam::000000000000:policy/none' });
    expect(await code(unknown)).toBe('NoSuchEntity');
  });
});

test('over the wire it speaks the Query protocol', async () => {
  const response = await signedFetch(cloud.endpoint, 'iam', cloud.owner, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ Action: 'GetRole', RoleName }).toString(),
  });
  const xml: unknown = new XMLParser().parse(await response.text());
  expect(xml).toMatchObject({
    GetRoleResponse: { GetRoleResult: { Role: { RoleName, Tags: { member: { Key: 'a', Value: 'b' } } } } },
  });
});
