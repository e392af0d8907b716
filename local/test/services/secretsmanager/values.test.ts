import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  type CreateSecretCommandInput,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type PutSecretValueCommandInput,
  SecretsManagerClient,
  UpdateSecretCommand,
  type UpdateSecretCommandInput,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSimulatedClock } from '../../../clock.ts';
import { startTestCloud, type TestCloud } from '../../support/cloud.ts';

/** 2026-01-01T12:00:00Z */
const NOON = Date.UTC(2026, 0, 1, 12);
let cloud: TestCloud;
let client: SecretsManagerClient;

beforeAll(async () => {
  cloud = await startTestCloud({ clock: createSimulatedClock(NOON) });
  client = new SecretsManagerClient(cloud.client);
});
afterAll(async () => {
  client.destroy();
  await cloud.close();
});

const create = (Name: string, more: Partial<CreateSecretCommandInput> = {}) =>
  client.send(new CreateSecretCommand({ Name, ...more }));
const put = (SecretId: string, more: Partial<PutSecretValueCommandInput>) =>
  client.send(new PutSecretValueCommand({ SecretId, ...more }));
const update = (SecretId: string, more: Partial<UpdateSecretCommandInput>) =>
  client.send(new UpdateSecretCommand({ SecretId, ...more }));
const get = (SecretId: string, more: { VersionId?: string; VersionStage?: string } = {}) =>
  client.send(new GetSecretValueCommand({ SecretId, ...more }));
const stagesOf = async (SecretId: string) =>
  (await client.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages;

const noSecret = {
  name: 'ResourceNotFoundException',
  message: "Secrets Manager can't find the specified secret.",
};

describe('a secret', () => {
  test('is read by its name, its ARN, and its ARN without the suffix', async () => {
    const { ARN = '', VersionId } = await create('prod/db', { SecretString: 'sesame' });
    expect(ARN).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:prod\/db-[A-Za-z0-9]{6}$/);
    for (const id of ['prod/db', ARN, ARN.slice(0, -7)]) {
      expect(await get(id)).toMatchObject({
        ...{ ARN, Name: 'prod/db', VersionId, SecretString: 'sesame', VersionStages: ['AWSCURRENT'] },
        CreatedDate: new Date(NOON),
      });
    }
  });

  test('whose name ends like a suffix is not found by a part of its ARN', async () => {
    const { ARN = '' } = await create('like-abc123', { SecretString: 'x' });
    await expect(get(ARN.slice(0, -7))).rejects.toMatchObject(noSecret);
    expect((await get(ARN)).SecretString).toBe('x');
  });

  test.each([
    ['nothing'],
    ['arn:aws:secretsmanager:us-east-1:000000000000:secret:nothing-AbCdEf'],
    ['arn:aws:secretsmanager:us-east-1:000000000000:secret:prod/db-AbCdEf'],
    ['arn:aws:secretsmanager:eu-west-1:000000000000:secret:prod/db'],
    ['arn:aws:secretsmanager:us-east-1:111111111111:secret:prod/db'],
  ])('that does not exist is not found: %s', async (id) => {
    await expect(get(id)).rejects.toMatchObject(noSecret);
  });

  test('has a value of bytes, byte for byte', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await create('bytes', { SecretBinary: bytes });
    const { SecretBinary, SecretString } = await get('bytes');
    expect(SecretBinary).toEqual(bytes);
    expect(SecretString).toBeUndefined();
  });

  test('without a value has no version until it gets one', async () => {
    const { VersionId } = await create('empty');
    expect(VersionId).toBeUndefined();
    expect(await stagesOf('empty')).toBeUndefined();
    await expect(get('empty')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    });
    const first = await put('empty', { SecretString: 'x', VersionStages: ['MINE'] });
    expect(first.VersionStages).toEqual(['AWSCURRENT', 'MINE']);
  });

  test('is created once, however often the request is repeated', async () => {
    const request = { ClientRequestToken: randomUUID(), SecretString: 'x' };
    const first = await create('once', request);
    expect(await create('once', request)).toMatchObject({ ARN: first.ARN, VersionId: first.VersionId });
    const taken = {
      name: 'ResourceExistsException',
      message: 'The operation failed because the secret once already exists.',
    };
    await expect(create('once', { ...request, SecretString: 'y' })).rejects.toMatchObject(taken);
    await expect(create('once', { SecretString: 'x' })).rejects.toMatchObject(taken);
    expect((await get('once')).SecretString).toBe('x');
  });

  test('says on which day it was read', async () => {
    await create('read', { SecretString: 'x' });
    const lastRead = async () =>
      (await client.send(new DescribeSecretCommand({ SecretId: 'read' }))).LastAccessedDate;
    expect(await lastRead()).toBeUndefined();
    await get('read');
    expect(await lastRead()).toEqual(new Date('2026-01-01T00:00:00Z'));
  });
});

describe('a new version', () => {
  test('is current, and the one before it stays readable as the previous one', async () => {
    const first = (await create('rotated', { SecretString: '1' })).VersionId ?? '';
    const second = (await put('rotated', { SecretString: '2' })).VersionId ?? '';
    expect(await stagesOf('rotated')).toEqual({ [first]: ['AWSPREVIOUS'], [second]: ['AWSCURRENT'] });
    const third = (await update('rotated', { SecretString: '3' })).VersionId ?? '';
    expect(await stagesOf('rotated')).toEqual({ [second]: ['AWSPREVIOUS'], [third]: ['AWSCURRENT'] });
    expect((await get('rotated')).SecretString).toBe('3');
    expect((await get('rotated', { VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('2');
    expect(await get('rotated', { VersionId: first })).toMatchObject({ SecretString: '1' });
    expect((await get('rotated', { VersionId: second, VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('2');
  });

  test('with staging labels of its own does not become current, and takes them from other versions', async () => {
    const first = (await create('staged', { SecretString: '1' })).VersionId ?? '';
    const second = (await put('staged', { SecretString: '2', VersionStages: ['AWSPENDING', 'B', 'A'] }))
      .VersionId;
    const third = await put('staged', { SecretString: '3', VersionStages: ['B', 'AWSPENDING'] });
    expect(third.VersionStages).toEqual(['AWSPENDING', 'B']);
    expect(await stagesOf('staged')).toEqual({
      ...{ [first]: ['AWSCURRENT'], [second ?? '']: ['A'], [third.VersionId ?? '']: ['AWSPENDING', 'B'] },
    });
    expect((await get('staged')).SecretString).toBe('1');
  });

  test('is added once, however often the request is repeated', async () => {
    await create('again', { SecretString: '1' });
    const request = { ClientRequestToken: randomUUID(), SecretString: '2' };
    await put('again', request);
    await put('again', { SecretString: '3' });
    expect(await put('again', request)).toMatchObject({ VersionStages: ['AWSPREVIOUS'] });
    expect((await get('again')).SecretString).toBe('3');
    const taken = { name: 'ResourceExistsException', message: expect.stringContaining('ClientRequestToken') };
    await expect(put('again', { ...request, SecretString: '4' })).rejects.toMatchObject(taken);
    await expect(update('again', request)).rejects.toMatchObject(taken);
  });
});

describe('a version that does not fit', () => {
  beforeAll(async () => {
    await create('versions', { SecretString: '1' });
  });

  test('is not found by id or staging label', async () => {
    const id = randomUUID();
    await expect(get('versions', { VersionId: id })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: `Secrets Manager can't find the specified secret value for VersionId: ${id}`,
    });
    await expect(get('versions', { VersionStage: 'AWSPENDING' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
    });
  });

  test('is refused if the staging label is not on the version with that id', async () => {
    const { VersionId = '' } = await get('versions');
    const mismatch = get('versions', { VersionId, VersionStage: 'AWSPREVIOUS' });
    await expect(mismatch).rejects.toMatchObject({ name: 'InvalidRequestException' });
  });
});

describe('a staging label', () => {
  const move = (more: { VersionStage: string; RemoveFromVersionId?: string; MoveToVersionId?: string }) =>
    client.send(new UpdateSecretVersionStageCommand({ SecretId: 'labels', ...more }));
  let first = '';
  let second = '';
  beforeAll(async () => {
    first = (await create('labels', { SecretString: '1' })).VersionId ?? '';
    second = (await put('labels', { SecretString: '2', VersionStages: ['AWSPENDING'] })).VersionId ?? '';
  });

  test('ends a rotation: the pending version becomes current, and the current one previous', async () => {
    await move({ VersionStage: 'AWSCURRENT', RemoveFromVersionId: first, MoveToVersionId: second });
    await move({ VersionStage: 'AWSPENDING', RemoveFromVersionId: second });
    expect(await stagesOf('labels')).toEqual({ [first]: ['AWSPREVIOUS'], [second]: ['AWSCURRENT'] });
    await move({ VersionStage: 'AWSCURRENT', RemoveFromVersionId: second, MoveToVersionId: first });
    expect(await stagesOf('labels')).toEqual({ [first]: ['AWSCURRENT'], [second]: ['AWSPREVIOUS'] });
  });

  test('is moved only from the version that has it', async () => {
    const current = { VersionStage: 'AWSCURRENT', MoveToVersionId: second };
    await expect(move(current)).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringContaining(`currently attached to version ${first}`),
    });
    const other = { ...current, RemoveFromVersionId: second };
    await expect(move(other)).rejects.toMatchObject({ name: 'InvalidParameterException' });
    const nowhere = { ...current, RemoveFromVersionId: first, MoveToVersionId: randomUUID() };
    await expect(move(nowhere)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect((await get('labels')).VersionId).toBe(first);
  });

  test('AWSCURRENT is never taken away altogether', async () => {
    const taken = move({ VersionStage: 'AWSCURRENT', RemoveFromVersionId: first });
    await expect(taken).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });
});

describe('a refused request', () => {
  beforeAll(async () => {
    await create('refusing', { SecretString: '1' });
  });

  test.each<[string, Partial<CreateSecretCommandInput>, string, string]>([
    [
      'two values',
      { SecretString: 'x', SecretBinary: Buffer.from('x') },
      'InvalidParameterException',
      'both',
    ],
    ['replicas', { AddReplicaRegions: [{ Region: 'eu-west-1' }] }, 'InvalidParameterException', 'AddReplica'],
    ['a partner', { Type: 'Partner' }, 'InvalidParameterException', 'Type is not implemented here'],
    ['a long value', { SecretString: 'x'.repeat(65_537) }, 'ValidationException', '65537 bytes'],
    ['a short token', { ClientRequestToken: 'x', SecretString: 'x' }, 'InvalidParameterException', '32-64'],
    ['a name that is none', { Name: 'a b', SecretString: 'x' }, 'ValidationException', 'Invalid name'],
  ])('to create a secret with %s creates none', async (_, more, name, message) => {
    const Name = `refused-${randomUUID()}`;
    await expect(create(Name, more)).rejects.toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
    await expect(get(Name)).rejects.toMatchObject(noSecret);
  });

  test.each<[string, Partial<PutSecretValueCommandInput>, string, string]>([
    ['no value', {}, 'InvalidRequestException', 'either SecretString or SecretBinary'],
    [
      'an empty value',
      { SecretString: '' },
      'InvalidRequestException',
      'either SecretString or SecretBinary',
    ],
    [
      'a rotation token',
      { SecretString: '2', RotationToken: 'x' },
      'InvalidParameterException',
      'RotationToken',
    ],
  ])('to put a value with %s leaves the one before', async (_, more, name, message) => {
    await expect(put('refusing', more)).rejects.toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
    expect((await get('refusing')).SecretString).toBe('1');
  });

  test('for a name that cannot be one is not taken for a missing secret', async () => {
    await expect(get('refusing#key')).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

test('the longest value is 65,536 bytes', async () => {
  await create('longest', { SecretString: 'x'.repeat(65_536) });
  expect((await get('longest')).SecretString).toHaveLength(65_536);
});

test('no value gets into the log of calls, also not that of a refused call', async () => {
  const value = `value-${randomUUID()}`;
  await create('logged', { SecretString: value });
  await put('logged', { SecretBinary: Buffer.from(value) });
  await update('logged', { SecretString: `${value}!` });
  await get('logged');
  await expect(create('logged', { SecretString: value })).rejects.toThrow();
  const asStructure = { SecretId: 'logged', SecretString: { value }, ClientRequestToken: randomUUID() };
  await expect(cloud.call('secretsmanager', 'PutSecretValue', asStructure)).rejects.toThrow(/not a string/);
  const calls = (await cloud.calls()).filter(({ input }) => JSON.stringify(input).includes('logged'));
  expect(calls.at(-1)).toMatchObject({ action: 'PutSecretValue', input: { SecretId: 'logged' } });
  expect(calls.map(({ action }) => action)).toContain('GetSecretValue');
  const log = JSON.stringify(await cloud.calls());
  for (const form of [value, Buffer.from(value).toString('base64')]) expect(log).not.toContain(form);
});
