import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Alias, type IKey, Key } from 'aws-cdk-lib/aws-kms';
import {
  DISABLE_ASSET_STAGING_CONTEXT,
  KMS_APPLY_IMPORTED_ALIAS_PERMISSIONS_TO_PRINCIPAL,
} from 'aws-cdk-lib/cx-api';
import { describe, expect, it } from 'vitest';
import type { EncryptionKeys } from '../../../infra/props/stores.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { permissionsOf, resourcesOf, synthTemplate, toText } from '../../support/synthesised.ts';

const GRANTS = ['grantEnqueue', 'grantRequest', 'grantFollow', 'grantOperate'] as const;

/** An app whose fleet has keys of its own, and a role for each grant. */
function fleetWithKeys(
  keysOf: (stack: Stack) => EncryptionKeys,
  context: Record<string, boolean> = {},
): Stack {
  const app = new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true, ...context } });
  const stack = new Stack(app, 'Test');
  const fleet = new WorkerFleet(stack, 'Fleet', { encryptionKeys: keysOf(stack) });
  for (const grant of GRANTS) {
    const assumedBy = new ServicePrincipal('lambda.amazonaws.com');
    fleet[grant](new Role(stack, `Fleet${grant}`, { assumedBy }));
  }
  return stack;
}

const ofTheStack = (stack: Stack) => ({
  queues: new Key(stack, 'QueuesKey', { enableKeyRotation: true }),
  table: new Key(stack, 'TableKey', { enableKeyRotation: true }),
  logBucket: new Key(stack, 'LogsKey', { enableKeyRotation: true }),
});

const template = Template.fromStack(fleetWithKeys(ofTheStack));

const READ_TABLE = ['Decrypt', 'DescribeKey'];
const USE_TABLE = [...READ_TABLE, 'Encrypt', 'GenerateDataKey', 'ReEncryptFrom', 'ReEncryptTo'];

describe('keys of the owner', () => {
  it('encrypt the queues, the table and the log bucket', () => {
    const keyOf = (type: string, path: (properties: Record<string, unknown>) => unknown) =>
      Object.values(resourcesOf(template, type)).map(({ Properties }) => toText(path(Properties)));
    expect(keyOf('AWS::SQS::Queue', (queue) => queue['KmsMasterKeyId'])).toEqual([
      expect.stringMatching(/^<QueuesKey/),
      expect.stringMatching(/^<QueuesKey/),
    ]);
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
    });
    expect(
      keyOf('AWS::DynamoDB::Table', (table) => Object(table['SSESpecification'])['KMSMasterKeyId']),
    ).toEqual([expect.stringMatching(/^<TableKey/)]);
    template.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: {
              SSEAlgorithm: 'aws:kms',
              KMSMasterKeyID: { 'Fn::GetAtt': [Match.stringLikeRegexp('^LogsKey'), 'Arn'] },
            },
          },
        ],
      },
    });
  });

  it.each<[string, string, Record<keyof EncryptionKeys, string[]>]>([
    [
      'the instances',
      'AgentRole',
      {
        queues: ['Decrypt', 'GenerateDataKey'],
        table: USE_TABLE,
        logBucket: ['Decrypt', 'GenerateDataKey'],
      },
    ],
    ['the keeper', 'KeeperRole', { queues: ['Decrypt', 'GenerateDataKey'], table: USE_TABLE, logBucket: [] }],
    ['workers', 'WorkerRole', { queues: [], table: [], logBucket: [] }],
    [
      'a producer',
      'grantEnqueue',
      { queues: ['Decrypt', 'GenerateDataKey'], table: USE_TABLE, logBucket: ['GenerateDataKey'] },
    ],
    [
      'somebody who makes requests',
      'grantRequest',
      { queues: ['Decrypt', 'GenerateDataKey'], table: USE_TABLE, logBucket: ['GenerateDataKey'] },
    ],
    ['a follower', 'grantFollow', { queues: [], table: READ_TABLE, logBucket: ['Decrypt'] }],
    [
      'an operator',
      'grantOperate',
      {
        queues: ['Decrypt', 'GenerateDataKey'],
        table: USE_TABLE,
        logBucket: ['Decrypt', 'GenerateDataKey'],
      },
    ],
  ])(
    'may be used by %s as far as the stores are, and no further',
    (_, role, { queues, table, logBucket }) => {
      const rights = [...permissionsOf(template, role)].filter((right) => right.startsWith('kms:'));
      const on = (key: string, actions: string[]) => actions.map((action) => `kms:${action} on <${key}.Arn>`);
      const tree = role === 'AgentRole' ? ['kms:Decrypt on *'] : [];
      expect(rights.sort()).toEqual(
        [...on('QueuesKey', queues), ...on('TableKey', table), ...on('LogsKey', logBucket), ...tree].sort(),
      );
    },
  );

  it('are deleted after the instances, which use them', () => {
    const [group] = Object.values(resourcesOf(template, 'AWS::AutoScaling::AutoScalingGroup'));
    const before = group?.DependsOn?.map((id) => id.replace(/[0-9A-F]{8}$/, ''));
    expect(before).toContain('FleetAgentRoleDefaultPolicy');
  });

  it('that were imported are granted only by the policies of the roles', () => {
    const arn = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    const imported = Template.fromStack(
      fleetWithKeys((scope) => ({ queues: Key.fromKeyArn(scope, 'Theirs', arn) as IKey })),
    );
    imported.resourceCountIs('AWS::KMS::Key', 0);
    const rights = [...permissionsOf(imported, 'AgentRole')].filter((right) => right.endsWith(arn));
    expect(rights.sort()).toEqual([`kms:Decrypt on ${arn}`, `kms:GenerateDataKey on ${arn}`]);
    imported.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
    });
  });

  it('whose grant would have no effect are refused: an imported alias without the feature flag of CDK', () => {
    const imported = (scope: Stack) => ({ table: Alias.fromAliasName(scope, 'Theirs', 'alias/theirs') });
    expect(() => fleetWithKeys(imported)).toThrow(
      /^WorkerFleet Test\/Fleet: encryptionKeys\.table is Test\/Theirs, .*; allowed: .*Key\.fromLookup/,
    );
    const flags = { [KMS_APPLY_IMPORTED_ALIAS_PERMISSIONS_TO_PRINCIPAL]: true };
    const flagged = Template.fromStack(fleetWithKeys(imported, flags));
    for (const role of ['AgentRole', 'KeeperRole']) {
      const rights = [...permissionsOf(flagged, role)];
      expect(rights).toContainEqual(expect.stringMatching(/^kms:Decrypt on arn:.*:key\/\*$/));
    }
  });
});

describe('a fleet without keys of the owner', () => {
  it('has no permission for any, except for those that encrypt its assets', () => {
    const policies = JSON.stringify(resourcesOf(synthTemplate(), 'AWS::IAM::Policy'));
    expect(policies.match(/kms:\w+/g)).toEqual(['kms:Decrypt', 'kms:EncryptionContext']);
  });
});
