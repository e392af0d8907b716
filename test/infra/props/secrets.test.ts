import { App, SecretValue, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Alias, Key } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { describe, expect, it } from 'vitest';
import { FleetPropsError } from '../../../infra/props/errors.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { WorkerSecret } from '../../../infra/props/secrets.ts';
import { resolveSettings } from '../../../infra/props/settings.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { evaluatePolicies } from '../../../local/front-door/policy.ts';
import { named, permissionsOf, statementsOf, synthFleet } from '../../support/synthesised.ts';

const ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf';
const VALUE = 'hunter2';

const stack = () => new Stack(new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } }), 'Test');
const database = (scope: Stack) => Secret.fromSecretCompleteArn(scope, 'Database', ARN);
const token = (scope: Stack, encryptionKey?: Key) =>
  StringParameter.fromSecureStringParameterAttributes(scope, 'Token', {
    parameterName: '/pictures/token',
    ...(encryptionKey && { encryptionKey }),
  });

describe('secrets', () => {
  it('become the places in agent.json, and no variable of it has a value', () => {
    const scope = stack();
    const { secretConfigs } = resolveSettings('WorkerFleet', 'Fleet', {
      secrets: {
        DB: database(scope),
        DB_PASSWORD: WorkerSecret.fromSecretsManager(database(stack()), { field: 'password' }),
        KEY: WorkerSecret.fromSecretsManager(Secret.fromSecretNameV2(scope, 'Named', 'ssh'), { file: true }),
        TOKEN: token(scope),
        PORT: WorkerSecret.fromSsmParameter(token(stack()), { field: 'port', file: false }),
      },
    });
    expect(scope.resolve(secretConfigs)).toEqual({
      DB: { source: 'secretsmanager', id: ARN },
      DB_PASSWORD: { source: 'secretsmanager', id: ARN, field: 'password' },
      KEY: {
        source: 'secretsmanager',
        id: { 'Fn::Join': ['', expect.arrayContaining([':secret:ssh'])] },
        file: true,
      },
      TOKEN: { source: 'ssm', id: '/pictures/token' },
      PORT: { source: 'ssm', id: '/pictures/token', field: 'port' },
    });
  });

  it('without the prop agent.json has no key for them', () => {
    expect(resolveSettings('WorkerFleet', 'Fleet', {}).secretConfigs).toBeUndefined();
  });
});

describe('refused is', () => {
  const secret = database(stack());
  const aliased = Secret.fromSecretAttributes(stack(), 'Aliased', {
    secretCompleteArn: ARN,
    encryptionKey: Alias.fromAliasName(stack(), 'Mine', 'alias/mine'),
  });

  it.each<[what: string, secrets: unknown, message: string]>([
    [
      'a name of the agent',
      { MAYFLY_TOKEN: secret },
      'secrets is named MAYFLY_TOKEN; allowed: up to 20 secrets',
    ],
    [
      'a name of the SDKs',
      { AWS_ACCESS_KEY_ID: secret },
      'secrets is named AWS_ACCESS_KEY_ID; allowed: up to 20',
    ],
    ['a name that is none of a variable', { 'DB-URL': secret }, 'secrets is named DB-URL; allowed: up to 20'],
    [
      'a name that a schema drops',
      { constructor: secret },
      'secrets is named constructor; allowed: up to 20',
    ],
    ['a list', [secret], 'secrets is a list; allowed: up to 20 secrets'],
    ['a text for all', VALUE, 'secrets is a text; allowed: up to 20 secrets'],
    [
      'the secret itself',
      { DB: VALUE },
      'secrets.DB is a text; allowed: a WorkerSecret, an ISecret or an IParameter',
    ],
    [
      "the value of the CDK's",
      { DB: SecretValue.unsafePlainText(VALUE) },
      'secrets.DB is an object of SecretValue; allowed: a WorkerSecret',
    ],
    ['a key by an alias', { DB: aliased }, 'secrets.DB.encryptionKey is an alias; allowed: a key'],
    [
      'a secret without an ARN',
      { DB: { secretArn: 'db', secretName: 'db' } },
      'secrets.DB is the name "db" alone; allowed: a secret with an ARN',
    ],
    [
      'the 21st',
      Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`S${at}`, secret])),
      'S20; allowed: up to 20 secrets',
    ],
  ])('%s, by its key and without its value', (_, secrets, message) => {
    const given = () => resolveSettings('WorkerFleet', 'Fleet', { secrets } as WorkerFleetProps);
    expect(given).toThrow(FleetPropsError);
    expect(given).toThrow(message);
    expect(given).not.toThrow(VALUE);
  });

  it('a name that environment has too', () => {
    const props = { environment: { DB: 'x' }, secrets: { DB: secret } };
    expect(() => resolveSettings('WorkerFleet', 'Fleet', props)).toThrow(
      'WorkerFleet: secrets.DB is also in environment; allowed: a name that environment does not have',
    );
  });

  it('a secret for workers without credentials', () => {
    const props: WorkerFleetProps = { workerAwsAccess: 'none', secrets: { DB: secret } };
    expect(() => resolveSettings('WorkerFleet', 'Fleet', props)).toThrow(
      'WorkerFleet: secrets.DB is a secret; allowed: none, as workers without credentials',
    );
    expect(() => resolveSettings('WorkerFleet', 'Fleet', { ...props, secrets: {} })).not.toThrow();
  });

  it.each<[object, string]>([
    [{ field: '' }, 'WorkerSecret: field is ""; allowed: the name of a key of a JSON object'],
    [{ field: 7 }, 'WorkerSecret: field is 7; allowed: the name of a key'],
    [{ file: 'yes' }, 'WorkerSecret: file is "yes"; allowed: true or false'],
    [{ feild: 'password' }, 'WorkerSecret: feild is not a prop'],
  ])('the options %j', (options, message) => {
    expect(() => WorkerSecret.fromSecretsManager(secret, options)).toThrow(FleetPropsError);
    expect(() => WorkerSecret.fromSecretsManager(secret, options)).toThrow(message);
  });
});

describe("the workers' role", () => {
  const granted = (secrets: (scope: Stack) => WorkerFleetProps['secrets']) => {
    const scope = stack();
    new WorkerFleet(scope, 'Fleet', { secrets: secrets(scope) ?? {} });
    return Template.fromStack(scope);
  };
  const PARAMETER = 'arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/pictures/token';

  it('may read the secrets and nothing else', () => {
    const template = granted((scope) => ({
      DB: database(scope),
      OWN: new Secret(scope, 'Own') as ISecret,
      NAMED: Secret.fromSecretNameV2(scope, 'Named', 'ssh'),
      TOKEN: token(scope),
    }));
    expect([...permissionsOf(template, 'WorkerRole')].sort()).toEqual(
      [
        `secretsmanager:GetSecretValue on ${ARN}`,
        'secretsmanager:GetSecretValue on <Own>',
        'secretsmanager:GetSecretValue on arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:ssh-??????',
        `ssm:GetParameter on ${PARAMETER}`,
      ].sort(),
    );
    expect([...permissionsOf(template, 'AgentRole')].join()).not.toMatch(/secretsmanager|ssm:/);
  });

  it('of two fields of one secret, reads it by one permission', () => {
    const template = granted((scope) => {
      const secret = database(scope);
      const field = (name: string) => WorkerSecret.fromSecretsManager(secret, { field: name });
      return { USER: field('user'), PASSWORD: field('password') };
    });
    expect([...permissionsOf(template, 'WorkerRole')]).toEqual([`secretsmanager:GetSecretValue on ${ARN}`]);
    expect(statementsOf(template, 'WorkerRole')).toHaveLength(1);
  });

  it.each([
    ['that parameter', PARAMETER, 'PARAMETER_ARN', true],
    ['another parameter', PARAMETER.replace('token', 'other'), 'PARAMETER_ARN', false],
    ['that secret', ARN, 'SecretARN', true],
    ['another secret', ARN.replace('db-', 'other-'), 'SecretARN', false],
    ['anything else', ARN, 'aws:s3:arn', false],
  ])('may use the key of a secret for it alone: %s', (_, arn, context, allowed) => {
    const template = granted((scope) => {
      const key = new Key(scope, 'Key');
      const DB = Secret.fromSecretAttributes(scope, 'Database', {
        secretCompleteArn: ARN,
        encryptionKey: key,
      });
      return { DB, TOKEN: token(scope, key) };
    });
    const statements = JSON.stringify(statementsOf(template, 'WorkerRole'), (_, value) =>
      value?.['Fn::Join'] || value?.['Fn::GetAtt'] ? named(value) : value,
    );
    const call = { action: 'kms:Decrypt', resources: ['<Key.Arn>'] };
    const request = { ...call, context: { [`kms:EncryptionContext:${context}`]: arn } };
    expect(evaluatePolicies([{ Statement: JSON.parse(statements) }], request).allowed).toBe(allowed);
  });

  it('has the permissions before the first instance, and the template no value', () => {
    const { stack: scope } = synthFleet({ secrets: { DB: database(stack()) } });
    const template = Template.fromStack(scope).toJSON();
    const [group] = Object.values(
      template.Resources as Record<string, { Type: string; DependsOn?: string[] }>,
    ).filter(({ Type }) => Type === 'AWS::AutoScaling::AutoScalingGroup');
    expect(group?.DependsOn).toContainEqual(expect.stringMatching(/^FleetWorkerRoleDefaultPolicy/));
    expect(JSON.stringify(template)).not.toContain('{{resolve:');
  });
});
