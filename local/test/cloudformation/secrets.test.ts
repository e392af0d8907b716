import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { App, CfnOutput, RemovalPolicy, SecretValue, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret, type SecretProps } from 'aws-cdk-lib/aws-secretsmanager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { outputsOf, Stacks } from '../support/stacks.ts';

let cloud: TestCloud;
let stacks: Stacks;
let owner: SecretsManagerClient;

beforeAll(async () => {
  cloud = await startTestCloud();
  stacks = new Stacks(cloud);
  owner = new SecretsManagerClient(cloud.client);
});
afterAll(async () => {
  stacks.client.destroy();
  owner.destroy();
  await cloud.close();
});

const read = async (SecretId: string, client = owner) =>
  (await client.send(new GetSecretValueCommand({ SecretId }))).SecretString ?? '';

/** A template with the secret `It` of these properties. */
const template = (Properties: object, more: object = {}) => ({
  Resources: { It: { Type: 'AWS::SecretsManager::Secret', Properties, ...more } },
  Outputs: { Arn: { Value: { Ref: 'It' } }, Id: { Value: { 'Fn::GetAtt': ['It', 'Id'] } } },
});
const create = async (name: string, properties: object, more?: object) => {
  const stack = await stacks.create(name, template(properties, more));
  return outputsOf(stack)['Arn'] ?? '';
};
const failure = async (name: string) =>
  (await stacks.events(name)).find(({ ResourceStatus }) => ResourceStatus === 'CREATE_FAILED');

describe("the CDK's Secret", () => {
  /** Synthesises one secret, its ARN and its name, and a role that may read it. */
  function synthesise(props: (stack: Stack) => SecretProps): object {
    const app = new App();
    const stack = new Stack(app, 'Secrets');
    const secret = new Secret(stack, 'It', props(stack));
    const role = new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    secret.grantRead(role);
    new CfnOutput(stack, 'Arn', { value: secret.secretArn });
    new CfnOutput(stack, 'Name', { value: secret.secretName });
    new CfnOutput(stack, 'Role', { value: role.roleArn });
    return app.synth().getStackByName('Secrets').template;
  }

  test.each<[string, (stack: Stack) => SecretProps, RegExp]>([
    ['Plain', () => ({}), /^[!-~]{32}$/],
    [
      'Template',
      () => ({
        generateSecretString: {
          ...{ secretStringTemplate: '{"user":"ada"}', generateStringKey: 'password' },
          ...{ passwordLength: 20, excludePunctuation: true },
        },
      }),
      /^\{"user":"ada","password":"[A-Za-z0-9]{20}"\}$/,
    ],
    [
      'Object',
      () => ({ secretObjectValue: { token: SecretValue.unsafePlainText('t') } }),
      /^\{"token":"t"\}$/,
    ],
    ['Named', () => ({ secretName: 'team/my-secret' }), /^[!-~]{32}$/],
    [
      'Keyed',
      (stack) => ({ encryptionKey: new Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY }) }),
      /^[!-~]{32}$/,
    ],
  ])('%s is made, read by the role that was granted it, and deleted', async (name, props, value) => {
    const { Arn = '', Name = '', Role: role = '' } = outputsOf(await stacks.create(name, synthesise(props)));
    const client = new SecretsManagerClient(cloud.clientAs(role, 'somebody'));
    try {
      expect(await read(Arn, client)).toMatch(value);
      expect(await read(Name, client)).toBe(await read(Arn));
    } finally {
      client.destroy();
    }
    await stacks.delete(name);
    await expect(read(Arn)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    // No recovery window is left: the stack can be created again.
    expect((await stacks.create(name, synthesise(props))).StackStatus).toBe('CREATE_COMPLETE');
  });
});

describe('an update', () => {
  test('of the value makes a new version, and one of something else none', async () => {
    const arn = await create('updated', { SecretString: 'one', Description: 'a' });
    await stacks.update('updated', template({ SecretString: 'two', Description: 'a' }));
    expect(await read(arn)).toBe('two');
    const { VersionId } = await owner.send(new GetSecretValueCommand({ SecretId: arn }));
    await stacks.update('updated', template({ SecretString: 'two', Description: 'b' }));
    const described = await cloud.call('secretsmanager', 'DescribeSecret', { SecretId: arn });
    expect(described['Description']).toBe('b');
    expect((await owner.send(new GetSecretValueCommand({ SecretId: arn }))).VersionId).toBe(VersionId);
  });

  test('leaves a generated value, and one that was put by hand, until the template changes it', async () => {
    const properties = { GenerateSecretString: { PasswordLength: 16 } };
    const arn = await create('generated', properties);
    const first = await read(arn);
    await stacks.update('generated', template({ ...properties, Description: 'new' }));
    expect(await read(arn)).toBe(first);
    const put = { SecretId: arn, SecretString: 'by hand', ClientRequestToken: crypto.randomUUID() };
    await cloud.call('secretsmanager', 'PutSecretValue', put);
    await stacks.update('generated', template({ ...properties, Description: 'newer' }));
    expect(await read(arn)).toBe('by hand');
    await stacks.update('generated', template({ GenerateSecretString: { PasswordLength: 17 } }));
    expect(await read(arn)).toHaveLength(17);
  });

  test('that drops the key returns to the key of AWS', async () => {
    const { KeyMetadata } = await cloud.call('kms', 'CreateKey', {});
    const { Arn: KmsKeyId } = KeyMetadata as { Arn: string };
    const arn = await create('unkeyed', { SecretString: 'x', KmsKeyId });
    const keyOf = async () =>
      (await cloud.call('secretsmanager', 'DescribeSecret', { SecretId: arn }))['KmsKeyId'];
    expect(await keyOf()).toBe(KmsKeyId);
    await stacks.update('unkeyed', template({ SecretString: 'x' }));
    expect(await keyOf()).toBeUndefined();
  });

  test('of the name replaces the secret', async () => {
    const arn = await create('renamed', { Name: 'old-name', SecretString: 'x' });
    const { Arn = '' } = outputsOf(
      await stacks.update('renamed', template({ Name: 'new-name', SecretString: 'x' })),
    );
    expect(Arn).toContain(':secret:new-name-');
    expect(await read(Arn)).toBe('x');
    await expect(read(arn)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

test('a secret with the deletion policy Retain outlives its stack', async () => {
  const arn = await create('retained', { SecretString: 'x' }, { DeletionPolicy: 'Retain' });
  await stacks.delete('retained');
  expect(await read(arn)).toBe('x');
});

describe('what is refused', () => {
  test.each([
    ['replicas', { ReplicaRegions: [{ Region: 'eu-west-1' }] }, 'extraneous key [ReplicaRegions]'],
    ['type', { Type: 'Partner' }, 'extraneous key [Type]'],
    [
      'both',
      { SecretString: 'x', GenerateSecretString: {} },
      'SecretString or GenerateSecretString, not both',
    ],
    ['no-key', { GenerateSecretString: { SecretStringTemplate: '{}' } }, 'need each other'],
    [
      'no-object',
      { GenerateSecretString: { SecretStringTemplate: '[]', GenerateStringKey: 'a' } },
      'SecretStringTemplate is not a JSON object',
    ],
    ['no-such-key', { KmsKeyId: 'alias/none' }, "Key 'alias/none' does not exist"],
  ])('%s: the stack says why', async (name, properties, reason) => {
    await create(name, properties);
    expect((await failure(name))?.ResourceStatusReason).toContain(reason);
  });

  test.each(['SecretTargetAttachment', 'RotationSchedule', 'ResourcePolicy'])('the type %s', async (kind) => {
    const type = `AWS::SecretsManager::${kind}`;
    const stack = { Resources: { It: { Type: type, Properties: {} } } };
    await expect(stacks.create(kind, stack)).rejects.toThrow(`Unrecognized resource types: [${type}]`);
  });

  test('a value of a secret in a template', async () => {
    const stack = template({ SecretString: '{{resolve:secretsmanager:other:SecretString:password}}' });
    await stacks.create('resolved', stack);
    expect((await failure('resolved'))?.ResourceStatusReason).toContain(
      'Dynamic reference {{resolve:secretsmanager:...}} is not supported',
    );
  });
});
