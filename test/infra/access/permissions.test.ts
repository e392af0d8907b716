import { App, Aws, Stack, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { type BundleName, bundle } from '../../../infra/bundle/bundle.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { evaluatePolicies } from '../../../local/front-door/policy.ts';
import {
  FLEET_KEY,
  groupKey,
  instanceKey,
  jobKey,
  placeKey,
  requestKey,
  targetKey,
} from '../../../store/keys.ts';
import {
  named,
  resourcesOf,
  permissionsOf as rightsIn,
  statementsOf as statementsIn,
  synthFleet,
  synthTemplate,
} from '../../support/synthesised.ts';

const template = synthTemplate();
const GROUP = groupKey('shop/web');
const TARGET = targetKey('web-1.example.com');
const REQUEST = requestKey('deploy-7');
const PLACE = placeKey('shop/web', 12);
const GRANTS = ['grantEnqueue', 'grantRequest', 'grantFollow', 'grantOperate'] as const;
const ITEM_ACTIONS = ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem'];
const READ = 'GetItem, BatchGetItem';
const WRITE = ', PutItem, UpdateItem, DeleteItem';
const ASG =
  'arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*:autoScalingGroupName/';

const statementsOf = (role: string, from = template) => statementsIn(from, role);
const rightsOf = (role: string, from = template) => rightsIn(from, role);
const ASSETS = 'arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>';

/** Evaluates, as IAM does, a call on items of the table with these keys. */
function isAllowedOnItems(role: string, action: string, keys: string[], from = template): boolean {
  const statements = statementsOf(role, from).map(({ Resource, Effect, ...rest }) => ({
    ...{ ...rest, Effect: Effect as 'Allow' },
    Resource: [Resource].flat().map(named),
  }));
  const context = { 'dynamodb:LeadingKeys': keys };
  const request = { action: `dynamodb:${action}`, resources: ['<FleetTable.Arn>'], context };
  return evaluatePolicies([{ Statement: statements }], request).allowed;
}

/** What a role may do with an item of the table, as IAM evaluates it. */
function actionsOn(role: string, key: string, from = template): string {
  return ITEM_ACTIONS.filter((action) => isAllowedOnItems(role, action, [key], from)).join(', ');
}

/** Whether S3 may decrypt an object of this ARN for a role, with a key that the app does not name. */
function mayDecrypt(role: string, arn?: string): boolean {
  const document = JSON.stringify(statementsOf(role), (_, value) =>
    value?.['Fn::Join'] || value?.['Fn::GetAtt'] ? named(value) : value,
  );
  const context = arn === undefined ? {} : { 'kms:EncryptionContext:aws:s3:arn': arn };
  const resources = ['arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'];
  return evaluatePolicies([{ Statement: JSON.parse(document) }], {
    action: 'kms:Decrypt',
    resources,
    context,
  }).allowed;
}

describe('an agent', () => {
  it('has permissions for this queue, this table, this group and its own tree only', () => {
    expect([...rightsOf('AgentRole')].sort()).toEqual(
      [
        'sqs:ReceiveMessage on <FleetQueue.Arn>',
        'sqs:DeleteMessage on <FleetQueue.Arn>',
        'sqs:ChangeMessageVisibility on <FleetQueue.Arn>',
        'sqs:GetQueueAttributes on <FleetQueue.Arn>',
        'sqs:SendMessage on <FleetQueue.Arn>',
        'sqs:SendMessage on <FleetDeadLetterQueue.Arn>',
        'dynamodb:GetItem on <FleetTable.Arn>',
        'dynamodb:PutItem on <FleetTable.Arn>',
        'dynamodb:UpdateItem on <FleetTable.Arn>',
        'dynamodb:DeleteItem on <FleetTable.Arn>',
        `autoscaling:TerminateInstanceInAutoScalingGroup on ${ASG}Test-FleetGroupASG-*`,
        `autoscaling:SetInstanceHealth on ${ASG}Test-FleetGroupASG-*`,
        `autoscaling:CompleteLifecycleAction on ${ASG}Test-FleetGroupASG-*`,
        `autoscaling:RecordLifecycleActionHeartbeat on ${ASG}Test-FleetGroupASG-*`,
        'autoscaling:DescribeAutoScalingGroups on *',
        'autoscaling:DescribeAutoScalingInstances on *',
        'sts:AssumeRole on <FleetWorkerRole.Arn>',
        'dynamodb:BatchGetItem on <FleetTable.Arn>',
        's3:PutObject on <FleetLogs.Arn>/jobs/*',
        's3:PutObject on <FleetLogs.Arn>/bodies/*',
        's3:PutObject on <FleetLogs.Arn>/instances/*',
        's3:GetObject on <FleetLogs.Arn>/bodies/*',
        's3:ListBucket on <FleetLogs.Arn>',
        's3:GetObject on arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/HASH.zip',
        's3:GetObject on arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/HASH.tgz',
        'kms:Decrypt on *',
      ].sort(),
    );
  });

  it.each([
    ['its tree', `${ASSETS}/HASH.zip`, true],
    ['its Node.js', `${ASSETS}/HASH.tgz`, true],
    ['what has the key of the bucket', ASSETS, true],
    ['another asset', `${ASSETS}/0123.zip`, false],
    ['a log', '<FleetLogs.Arn>/jobs/1', false],
    ['what is not in S3', undefined, false],
  ])('may decrypt %s with any key of the bucket of assets: case %#', (_, arn, allowed) => {
    expect(mayDecrypt('AgentRole', arn)).toBe(allowed);
  });

  it.each([
    ['PutItem', ['job#1'], true],
    ['PutItem', ['instance#i-1'], false],
    ['UpdateItem', ['job#1'], true],
    ['UpdateItem', ['instance#i-1'], true],
    ['UpdateItem', ['fleet'], false],
    ['GetItem', ['fleet'], true],
    ['GetItem', ['other#1'], false],
    ['BatchGetItem', ['job#1', 'job#2'], true],
    ['BatchGetItem', ['job#1', 'other#1'], false],
    ['DeleteItem', ['job#1'], false],
  ])('may %s of %j: %s', (action, keys, allowed) => {
    expect(isAllowedOnItems('AgentRole', action, keys)).toBe(allowed);
  });

  it.each([
    [GROUP, READ + WRITE],
    [TARGET, READ + WRITE],
    [REQUEST, `${READ}, UpdateItem`],
    [PLACE, `${READ}, PutItem, DeleteItem`],
  ])('may of %s: %s', (key, actions) => {
    expect(actionsOn('AgentRole', key)).toBe(actions);
  });

  it('may read its tree by a policy of that tree only, so that a deployment adds the new policy first', () => {
    const own = Object.entries(resourcesOf(template, 'AWS::IAM::Policy')).filter(([, { Properties }]) =>
      JSON.stringify(Properties).includes('cdk-hnb659fds-assets'),
    );
    expect(own).toHaveLength(1);
    const [[id, { Properties }] = ['', { Properties: {} }]] = own;
    const [, hash] = /([0-9a-f]{8})[0-9a-f]{56}\.zip/.exec(JSON.stringify(Properties)) ?? [];
    expect(id).toContain(`AgentTreePolicy${hash}`);
  });

  it('is scoped to the name that CloudFormation gives its group', () => {
    const [groupId] = Object.keys(resourcesOf(template, 'AWS::AutoScaling::AutoScalingGroup'));
    const policy = JSON.stringify(resourcesOf(template, 'AWS::IAM::Policy'));
    expect(policy).toContain(`autoScalingGroupName/Test-${groupId}-*`);
  });

  it('has Systems Manager only if the owner says so', () => {
    template.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: Match.objectLike({
        Statement: [Match.objectLike({ Principal: { Service: 'ec2.amazonaws.com' } })],
      }),
      ManagedPolicyArns: Match.absent(),
    });
    synthTemplate({ systemsManagerAccess: true }).hasResourceProperties('AWS::IAM::Role', {
      ManagedPolicyArns: [
        {
          'Fn::Join': [
            '',
            ['arn:', { Ref: 'AWS::Partition' }, ':iam::aws:policy/AmazonSSMManagedInstanceCore'],
          ],
        },
      ],
    });
  });
});

describe('a role that runs a set-up with a vault', () => {
  const SETUP = { workerDirectory: 'examples/dictionary', setup: 'setup.yml', command: ['./define'] };
  const vault = (own: boolean) => {
    const stack = new Stack(new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } }), 'Test');
    const encryptionKey = own ? new Key(stack, 'Key') : undefined;
    const setupVaultPassword = StringParameter.fromSecureStringParameterAttributes(stack, 'Password', {
      parameterName: '/pictures/vault',
      ...(encryptionKey && { encryptionKey }),
    });
    new WorkerFleet(stack, 'Fleet', { ...SETUP, bakedImage: true, setupVaultPassword });
    return Template.fromStack(stack);
  };
  const PASSWORD =
    'ssm:GetParameter on arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/pictures/vault';
  const beside = (role: string, from: Template) =>
    [...rightsOf(role, from)].filter((right) => /^ssm:|^kms:(?!Decrypt on \*$)/.test(right));

  it.each(['AgentRole', 'BakedImageBuilderRole'])('may read its password and no other: %s', (role) => {
    expect(beside(role, vault(false))).toEqual([PASSWORD]);
    expect(beside(role, vault(true)).sort()).toEqual(['kms:Decrypt on <Key.Arn>', PASSWORD]);
  });

  it.each([
    ['that password', '/pictures/vault', true],
    ['another parameter', '/pictures/other', false],
  ])('may use the key of the parameter for it alone: %s', (_, name, allowed) => {
    const document = JSON.stringify(statementsOf('AgentRole', vault(true)), (_, value) =>
      value?.['Fn::Join'] || value?.['Fn::GetAtt'] ? named(value) : value,
    );
    const arn = `arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter${name}`;
    const context = { 'kms:EncryptionContext:PARAMETER_ARN': arn };
    const request = { action: 'kms:Decrypt', resources: ['<Key.Arn>'], context };
    expect(evaluatePolicies([{ Statement: JSON.parse(document) }], request).allowed).toBe(allowed);
  });

  it('has the permission before the first instance needs it', () => {
    const from = vault(true);
    for (const [type, policy] of [
      ['AWS::AutoScaling::AutoScalingGroup', 'FleetAgentVaultPolicy'],
      ['AWS::ImageBuilder::Image', 'FleetBakedImageBuilderVaultPolicy'],
    ] as const) {
      const [{ DependsOn = [] } = {}] = Object.values(resourcesOf(from, type));
      expect(DependsOn, type).toContainEqual(expect.stringMatching(`^${policy}`));
    }
  });

  it('is not the role of the workers or of the keeper', () => {
    for (const role of ['WorkerRole', 'KeeperRole']) expect(beside(role, vault(true))).toEqual([]);
  });
});

describe('the keeper', () => {
  it('has permissions for this queue, this table, this group and its own log', () => {
    expect([...rightsOf('KeeperRole')].sort()).toEqual(
      [
        'sqs:GetQueueAttributes on <FleetQueue.Arn>',
        'sqs:SendMessage on <FleetQueue.Arn>',
        ...['BatchGetItem', 'BatchWriteItem', 'DeleteItem', 'GetItem', 'PutItem', 'UpdateItem'].map(
          (action) => `dynamodb:${action} on <FleetTable.Arn>`,
        ),
        'dynamodb:Query on <FleetTable.Arn>/index/byListing',
        'dynamodb:Query on <FleetTable.Arn>/index/byState',
        's3:ListBucket on <FleetLogs.Arn>',
        `autoscaling:ExecutePolicy on ${ASG}<FleetGroupASG>`,
        `autoscaling:SetDesiredCapacity on ${ASG}<FleetGroupASG>`,
        `autoscaling:SuspendProcesses on ${ASG}<FleetGroupASG>`,
        `autoscaling:TerminateInstanceInAutoScalingGroup on ${ASG}<FleetGroupASG>`,
        `autoscaling:CompleteLifecycleAction on ${ASG}<FleetGroupASG>`,
        'autoscaling:DescribeAutoScalingGroups on *',
        'autoscaling:DescribeScalingActivities on *',
        'cloudwatch:PutMetricData on *',
        'logs:CreateLogStream on <FleetKeeperLog.Arn>',
        'logs:PutLogEvents on <FleetKeeperLog.Arn>',
      ].sort(),
    );
  });

  it.each([
    ['UpdateItem', ['fleet'], true],
    ['PutItem', ['fleet'], false],
    ['UpdateItem', ['instance#i-1'], true],
    ['PutItem', ['instance#i-1'], false],
    ['UpdateItem', ['other#1'], false],
    ['GetItem', ['other#1'], false],
  ])('may %s of %j: %s', (action, keys, allowed) => {
    expect(isAllowedOnItems('KeeperRole', action, keys)).toBe(allowed);
  });

  it.each([
    [jobKey('r-1'), `${READ + WRITE}, BatchWriteItem`],
    [GROUP, READ + WRITE],
    [TARGET, READ + WRITE],
    [REQUEST, `${READ}, UpdateItem, DeleteItem`],
    [PLACE, `${READ}, PutItem, DeleteItem`],
  ])('may of %s: %s', (key, actions) => {
    expect(actionsOn('KeeperRole', key)).toBe(actions);
  });

  it('may list the logs of instances in the log bucket, but not those of jobs', () => {
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 's3:ListBucket',
            Condition: { StringLike: { 's3:prefix': 'instances/*' } },
          }),
        ]),
      }),
    });
  });

  it('may write metrics of its namespace only', () => {
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 'cloudwatch:PutMetricData',
            Condition: { StringEquals: { 'cloudwatch:namespace': 'Mayfly' } },
          }),
        ]),
      }),
    });
  });
});

describe('each call', () => {
  /** Commands of the SDK's own credential providers. */
  const ofTheSdk = /^AssumeRole/;
  /** Permissions whose name differs from the call's ("Required permissions for Amazon S3 API operations"). */
  const rightFor: Record<string, string> = { ListObjectsV2: 'ListBucket' };

  const withSecrets = () => {
    const { stack } = synthFleet({
      secrets: {
        A: Secret.fromSecretNameV2(new Stack(), 'A', 'a'),
        B: StringParameter.fromSecureStringParameterAttributes(new Stack(), 'B', { parameterName: '/b' }),
      },
    });
    return Template.fromStack(stack);
  };

  it.each<[BundleName, string[]]>([
    // Agents read the secrets of the workers with the workers' role.
    ['agent', ['AgentRole', 'WorkerRole']],
    ['keeper', ['KeeperRole']],
  ])('in the bundle of the %s is allowed for its role', (name, roles) => {
    const from = withSecrets();
    const code = Buffer.from(bundle(name)).toString();
    const called = [...code.matchAll(/new ([A-Z]\w+?)(?:Batch)?Command\b/g)].map(
      ([, action = '']) => rightFor[action] ?? action,
    );
    const rights = roles.flatMap((role) => [...rightsOf(role, from)]);
    const allowed = new Set(rights.map((right) => right.replace(/^\w+:(\w+) on .*$/, '$1')));
    const refused = [...new Set(called)].filter((action) => !ofTheSdk.test(action) && !allowed.has(action));
    expect(called.length).toBeGreaterThan(3);
    expect(refused).toEqual([]);
  });
});

describe('grants', () => {
  type Grant = (typeof GRANTS)[number];
  const grantTemplate = (grant: Grant) => {
    const { stack, fleet } = synthFleet();
    fleet[grant](
      new Role(stack, 'FleetGrantee', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
    );
    return Template.fromStack(stack);
  };
  const granted = (grant: Grant) => [...rightsOf('Grantee', grantTemplate(grant))].sort();
  const FIND = [
    'ssm:GetParameter on arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter<FleetParameter>',
    'ssm:GetParametersByPath on arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/mayfly/Test',
  ];
  const ENQUEUE = [
    'sqs:GetQueueAttributes on <FleetQueue.Arn>',
    'sqs:GetQueueUrl on <FleetQueue.Arn>',
    'sqs:SendMessage on <FleetQueue.Arn>',
    ...['BatchGetItem', 'BatchWriteItem', 'DeleteItem', 'GetItem', 'PutItem', 'UpdateItem'].map(
      (action) => `dynamodb:${action} on <FleetTable.Arn>`,
    ),
    's3:PutObject on <FleetLogs.Arn>/bodies/*',
  ];
  const FOLLOW = [
    ...['BatchGetItem', 'GetItem', 'Scan'].map((action) => `dynamodb:${action} on <FleetTable.Arn>`),
    'dynamodb:Query on <FleetTable.Arn>/index/byListing',
    'dynamodb:Query on <FleetTable.Arn>/index/byState',
    's3:GetObject on <FleetLogs.Arn>/bodies/*',
    's3:GetObject on <FleetLogs.Arn>/jobs/*',
    's3:ListBucket on <FleetLogs.Arn>',
    'sqs:GetQueueAttributes on <FleetQueue.Arn>',
    'sqs:GetQueueAttributes on <FleetDeadLetterQueue.Arn>',
    'autoscaling:DescribeAutoScalingGroups on *',
    'autoscaling:DescribeScalingActivities on *',
    'autoscaling:DescribeWarmPool on *',
  ];
  const OPERATE = [
    ...['ChangeMessageVisibility', 'DeleteMessage', 'PurgeQueue', 'ReceiveMessage'].map(
      (action) => `sqs:${action} on <FleetDeadLetterQueue.Arn>`,
    ),
    ...['DescribeTable', 'DescribeTimeToLive'].map((action) => `dynamodb:${action} on <FleetTable.Arn>`),
    's3:DeleteObject on <FleetLogs.Arn>/jobs/*',
    's3:DeleteObject on <FleetLogs.Arn>/bodies/*',
    `autoscaling:ResumeProcesses on ${ASG}<FleetGroupASG>`,
    `autoscaling:SuspendProcesses on ${ASG}<FleetGroupASG>`,
    'autoscaling:DescribeLifecycleHooks on *',
    'autoscaling:DescribePolicies on *',
    ...['DescribeSubnets', 'DescribeRouteTables', 'DescribeVpcEndpoints'].map(
      (action) => `ec2:${action} on *`,
    ),
    'cloudwatch:DescribeAlarms on <FleetBacklog.Arn>',
    'cloudwatch:DescribeAlarms on <FleetBootBreaker.Arn>',
  ];

  it.each([
    ['grantEnqueue', 'let a producer send jobs', [...FIND, ...ENQUEUE]],
    ['grantRequest', 'let somebody make requests', [...FIND, ...ENQUEUE]],
    ['grantFollow', 'let somebody read of jobs', [...FIND, ...FOLLOW]],
    ['grantOperate', 'let an operator do all', [...FIND, ...ENQUEUE, ...FOLLOW, ...OPERATE]],
  ] as const)('%s: %s, and no more', (grant, _, rights) => {
    expect(granted(grant)).toEqual([...new Set(rights)].sort());
  });

  const ENTER = `${READ + WRITE}, BatchWriteItem`;
  it.each<[Grant, string, Record<string, string>]>([
    [
      'grantEnqueue',
      'writes jobs and what keeps the jobs of groups apart, and reads requests',
      { job: ENTER, group: ENTER, target: ENTER, place: ENTER, request: READ },
    ],
    [
      'grantRequest',
      'writes requests too',
      { job: ENTER, group: ENTER, target: ENTER, place: ENTER, request: `${READ}, PutItem, UpdateItem` },
    ],
    [
      'grantFollow',
      "reads these, the instances and the fleet's own, and writes nothing",
      {
        job: READ,
        group: READ,
        target: READ,
        place: READ,
        request: READ,
        instance: 'BatchGetItem',
        fleet: 'GetItem',
      },
    ],
    [
      'grantOperate',
      'changes instances and the fleet as well, but replaces none of them',
      {
        ...{ job: ENTER, group: ENTER, target: ENTER, place: ENTER, request: `${READ}, PutItem, UpdateItem` },
        ...{ instance: 'GetItem, BatchGetItem, UpdateItem', fleet: 'GetItem, UpdateItem' },
      },
    ],
  ])('%s: %s', (grant, _, actions) => {
    const template = grantTemplate(grant);
    const keys = {
      ...{ job: jobKey('j-1'), group: GROUP, target: TARGET, place: PLACE, request: REQUEST },
      ...{ instance: instanceKey('i-1'), fleet: FLEET_KEY, other: 'other#1' },
    };
    const all = Object.entries(keys).map(([kind, key]) => [kind, actionsOn('Grantee', key, template)]);
    expect(Object.fromEntries(all.filter(([, allowed]) => allowed !== ''))).toEqual(actions);
  });

  it('have no finding of cdk-nag', () => {
    const app = new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } });
    const stack = new Stack(app, 'Test');
    const fleet = new WorkerFleet(stack, 'Fleet');
    for (const grant of GRANTS) {
      fleet[grant](new Role(stack, grant, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }));
    }
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
  });

  it.each(GRANTS)(
    '%s: of a fleet of another stack, by its name, gives the same rights, without a finding of cdk-nag',
    (grant) => {
      const { stack } = synthFleet();
      const parameters = Object.values(resourcesOf(Template.fromStack(stack), 'AWS::SSM::Parameter'));
      const list = parameters.map(({ Properties }) => Properties).find(({ Type }) => Type === 'StringList');
      const { 'Fn::Join': [, arns] = [] } = (list?.['Value'] ?? {}) as { 'Fn::Join'?: [string, unknown[]] };
      expect(list?.['Name']).toBe('/mayfly-arns/Test/Fleet');

      const app = new App();
      const other = new Stack(app, 'Other');
      const fleet = WorkerFleet.fromName(other, 'ByName', 'Test/Fleet');
      fleet[grant](
        new Role(other, 'FleetGrantee', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
      );
      Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
      app.synth();
      const template = Template.fromStack(other).toJSON();
      expect(Object.values(template['Parameters'])).toContainEqual({
        Type: 'AWS::SSM::Parameter::Value<List<String>>',
        Default: '/mayfly-arns/Test/Fleet',
      });
      const deployed = JSON.parse(JSON.stringify(template), (_, value) => {
        const select = value?.['Fn::Select'];
        return select ? arns?.[select[0]] : value;
      });
      const rights = [...rightsOf('Grantee', Template.fromJSON(deployed))].sort();
      expect(rights).toEqual(
        granted(grant).map((right) =>
          right.replace('parameter<FleetParameter>', 'parameter/mayfly/Test/Fleet'),
        ),
      );
    },
  );

  it.each(['Fleet', 'Test/', '/mayfly/Test/Fleet', 'Test/Fleet/more', Aws.STACK_NAME])(
    'are refused of a fleet that is called %s',
    (name) => {
      const stack = new Stack(new App(), 'Other');
      expect(() => WorkerFleet.fromName(stack, 'ByName', name)).toThrow(
        /^WorkerFleet.fromName Other\/ByName: fleetName is .*; allowed: "<stack>\/<fleet>"/,
      );
    },
  );

  it('to the fleet are grants to its workers, which keep them until the instances are terminated', () => {
    const { stack, fleet } = synthFleet();
    new Bucket(stack, 'Input').grantRead(fleet);
    const granted = Template.fromStack(stack);
    const ofTheInput = (role: string) => [...rightsOf(role, granted)].filter((right) => /<Input/.test(right));
    expect(ofTheInput('WorkerRole')).toContain('s3:GetObject* on <Input.Arn>/*');
    expect(ofTheInput('AgentRole')).toEqual([]);
    granted.hasResource('AWS::AutoScaling::AutoScalingGroup', {
      DependsOn: Match.arrayWith([Match.stringLikeRegexp('^FleetWorkerRoleDefaultPolicy')]),
    });
  });
});

describe('no role', () => {
  it("may terminate instances except through the group, pass roles, or assume another role than the workers'", () => {
    const everything = JSON.stringify(resourcesOf(template, 'AWS::IAM::Policy'));
    expect(everything).not.toMatch(/ec2:|iam:|"\w+:\*"/);
    expect(everything.match(/sts:\w+/g)).toEqual(['sts:AssumeRole']);
  });
});
