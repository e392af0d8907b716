import {
  CreateSecretCommand,
  DeleteSecretCommand,
  type DeleteSecretCommandInput,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  type ListSecretsCommandInput,
  PutResourcePolicyCommand,
  PutSecretValueCommand,
  paginateListSecrets,
  RestoreSecretCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSimulatedClock } from '../../../clock.ts';
import { startTestCloud, type TestCloud } from '../../support/cloud.ts';

const START = Date.UTC(2026, 0, 1);
const DAY_MS = 24 * 60 * 60 * 1000;
const clock = createSimulatedClock(START);
let cloud: TestCloud;
let client: SecretsManagerClient;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  client = new SecretsManagerClient(cloud.client);
});
afterAll(async () => {
  client.destroy();
  await cloud.close();
});

const create = (Name: string, SecretString = 'x') =>
  client.send(new CreateSecretCommand({ Name, SecretString }));
const remove = (SecretId: string, more: Partial<DeleteSecretCommandInput> = {}) =>
  client.send(new DeleteSecretCommand({ SecretId, ...more }));
const restore = (SecretId: string) => client.send(new RestoreSecretCommand({ SecretId }));
const get = (SecretId: string) => client.send(new GetSecretValueCommand({ SecretId }));
const describeSecret = (SecretId: string) => client.send(new DescribeSecretCommand({ SecretId }));
const list = async (more: ListSecretsCommandInput = {}) => {
  const { SecretList = [] } = await client.send(new ListSecretsCommand(more));
  return SecretList.map(({ Name }) => Name);
};

const missing = { name: 'ResourceNotFoundException' };
const marked = {
  name: 'InvalidRequestException',
  message: "You can't perform this operation on the secret because it was marked for deletion.",
};

describe('a deletion', () => {
  test('leaves 30 days in which the secret is described and restored, and serves nothing', async () => {
    const { ARN = '' } = await create('kept');
    const at = clock.now();
    expect((await remove('kept')).DeletionDate).toEqual(new Date(at + 30 * DAY_MS));
    expect((await describeSecret('kept')).DeletedDate).toEqual(new Date(at + 30 * DAY_MS));
    const refused = [
      () => get('kept'),
      () => get(ARN),
      () => remove('kept'),
      () => client.send(new PutSecretValueCommand({ SecretId: 'kept', SecretString: 'y' })),
      () => client.send(new UpdateSecretCommand({ SecretId: 'kept', SecretString: 'y' })),
      () => client.send(new TagResourceCommand({ SecretId: 'kept', Tags: [{ Key: 'a', Value: 'b' }] })),
    ];
    for (const call of refused) await expect(call()).rejects.toMatchObject(marked);
    await expect(create('kept')).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: expect.stringContaining('already scheduled for deletion'),
    });
    expect(await restore('kept')).toMatchObject({ ARN, Name: 'kept' });
    expect((await get('kept')).SecretString).toBe('x');
  });

  test('is undone until the last moment of the recovery window', async () => {
    await create('kept-late');
    await remove('kept-late', { RecoveryWindowInDays: 7 });
    await clock.advance(7 * DAY_MS - 1);
    await restore('kept-late');
    await clock.advance(DAY_MS);
    expect((await get('kept-late')).SecretString).toBe('x');
    expect((await describeSecret('kept-late')).DeletedDate).toBeUndefined();
  });

  test('is final after the recovery window, and a new secret of that name has another ARN', async () => {
    const { ARN } = await create('short');
    await remove('short', { RecoveryWindowInDays: 7 });
    await clock.advance(7 * DAY_MS);
    for (const call of [get, describeSecret, restore, remove]) {
      await expect(call('short')).rejects.toMatchObject(missing);
    }
    expect((await create('short')).ARN).not.toBe(ARN);
  });

  test('without recovery is final at once, also in the recovery window, and for what does not exist', async () => {
    await create('forced');
    await remove('forced', { RecoveryWindowInDays: 7 });
    const force = { ForceDeleteWithoutRecovery: true };
    expect((await remove('forced', force)).DeletionDate).toEqual(new Date(clock.now()));
    await expect(describeSecret('forced')).rejects.toMatchObject(missing);
    await create('forced');
    await remove('forced', force);
    await expect(get('forced')).rejects.toMatchObject(missing);
    await create('forced', 'new');
    // The window of the first deletion would have ended by now.
    await clock.advance(8 * DAY_MS);
    expect((await get('forced')).SecretString).toBe('new');
    expect(await remove('never-there', force)).toMatchObject({ Name: 'never-there' });
  });

  test.each([
    [{ RecoveryWindowInDays: 6 }, 'RecoveryWindowInDays is 6; allowed: 7 to 30.'],
    [{ RecoveryWindowInDays: 31 }, 'RecoveryWindowInDays is 31; allowed: 7 to 30.'],
    [{ RecoveryWindowInDays: 7, ForceDeleteWithoutRecovery: true }, 'in conjunction with'],
  ])('with %j is refused', async (more, message) => {
    const name = JSON.stringify(more).replace(/\W/g, '');
    await create(name);
    await expect(remove(name, more)).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringContaining(message),
    });
    expect((await get(name)).SecretString).toBe('x');
  });
});

describe('the description of a secret', () => {
  test('has its tags, its key and what an update changed', async () => {
    const { KeyMetadata } = await cloud.call('kms', 'CreateKey', {});
    const { Arn } = KeyMetadata as { Arn: string };
    const made = { Name: 'described', Description: 'old', KmsKeyId: Arn, Tags: [{ Key: 'a', Value: '1' }] };
    await client.send(new CreateSecretCommand(made));
    const CreatedDate = new Date(clock.now());
    const { Name, ...seen } = made;
    expect(await describeSecret(Name)).toMatchObject({ Name, ...seen, CreatedDate });
    await clock.advance(DAY_MS);
    await client.send(
      new UpdateSecretCommand({ SecretId: Name, Description: 'new', KmsKeyId: 'alias/aws/secretsmanager' }),
    );
    await client.send(new TagResourceCommand({ SecretId: Name, Tags: [{ Key: 'b', Value: '2' }] }));
    await client.send(new UntagResourceCommand({ SecretId: Name, TagKeys: ['a'] }));
    const after = await describeSecret(Name);
    expect(after).toMatchObject({
      ...{ Description: 'new', Tags: [{ Key: 'b', Value: '2' }] },
      ...{ CreatedDate, LastChangedDate: new Date(clock.now()) },
    });
    expect(after.KmsKeyId).toBeUndefined();
  });
});

describe('the list of secrets', () => {
  beforeAll(async () => {
    for (const SecretId of await list({ IncludePlannedDeletion: true })) {
      await remove(SecretId ?? '', { ForceDeleteWithoutRecovery: true });
    }
    for (let index = 0; index < 5; index += 1) await create(`list-${index}`);
    await remove('list-3');
  });

  test('is sorted by creation, in pages, without those whose deletion is scheduled', async () => {
    expect(await list()).toEqual(['list-0', 'list-1', 'list-2', 'list-4']);
    expect(await list({ SortOrder: 'desc', MaxResults: 2 })).toEqual(['list-4', 'list-2']);
    expect(await list({ IncludePlannedDeletion: true })).toHaveLength(5);
    const sizes: number[] = [];
    for await (const { SecretList = [] } of paginateListSecrets({ client, pageSize: 3 }, {})) {
      sizes.push(SecretList.length);
    }
    expect(sizes).toEqual([3, 1]);
  });

  test('has the versions and no value', async () => {
    const { SecretList = [] } = await client.send(new ListSecretsCommand({ MaxResults: 1 }));
    const { VersionId = '' } = await get('list-0');
    expect(SecretList[0]?.SecretVersionsToStages).toEqual({ [VersionId]: ['AWSCURRENT'] });
    expect(SecretList[0]).not.toHaveProperty('SecretString');
  });

  test.each<[ListSecretsCommandInput, string, string]>([
    [
      { Filters: [{ Key: 'name', Values: ['x'] }] },
      'InvalidParameterException',
      'Filters is not implemented',
    ],
    [{ SortBy: 'name' }, 'InvalidParameterException', 'SortBy name is not implemented'],
    [{ NextToken: 'x' }, 'InvalidNextTokenException', 'NextToken'],
  ])('with %j is refused', async (input, name, message) => {
    await expect(list(input)).rejects.toMatchObject({ name, message: expect.stringContaining(message) });
  });
});

test.each([
  ['PutResourcePolicy', new PutResourcePolicyCommand({ SecretId: 'list-0', ResourcePolicy: '{}' })],
  ['RotateSecret', new RotateSecretCommand({ SecretId: 'list-0' })],
])('%s is refused by name', async (action, command) => {
  await expect(client.send(command as PutResourcePolicyCommand)).rejects.toMatchObject({
    name: 'UnknownOperationException',
    message: `The embedded cloud does not implement the action '${action}' of 'secretsmanager'.`,
  });
});
