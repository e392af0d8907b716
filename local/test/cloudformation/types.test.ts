import { afterAll, beforeAll, expect, test } from 'vitest';
import { resourceTypes } from '../../cloudformation/types/index.ts';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { Stacks } from '../support/stacks.ts';

let cloud: TestCloud;
let stacks: Stacks;

beforeAll(async () => {
  cloud = await startTestCloud({ speed: 100 });
  stacks = new Stacks(cloud);
});
afterAll(async () => {
  stacks.client.destroy();
  await cloud.close();
});

type Properties = Record<string, unknown>;
interface Life {
  type: string;
  before: Properties;
  /** Updates in place; undefined: every change replaces. */
  after?: Properties;
  /** Other resources in the same template. */
  with?: Record<string, { Type: string; Properties?: Properties }>;
}

const document = (Action: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
});
/** The resource policy of a bucket or a queue. */
const resourcePolicy = (Action: string, Resource: unknown) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action, Resource }],
});
const trust = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }],
};
const bucketArn = { 'Fn::GetAtt': ['Bucket', 'Arn'] };
const role = { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: trust } };
const kmsKey = { Type: 'AWS::KMS::Key' };
const queue = { Type: 'AWS::SQS::Queue' };
const vpc = { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } };
const routeTable = { Type: 'AWS::EC2::RouteTable', Properties: { VpcId: { Ref: 'Net' } } };
const subnet = { Type: 'AWS::EC2::Subnet', Properties: { VpcId: { Ref: 'Net' }, CidrBlock: '10.0.0.0/24' } };
const gateway = { Type: 'AWS::EC2::InternetGateway' };
const securityGroup = {
  Type: 'AWS::EC2::SecurityGroup',
  Properties: { GroupDescription: 'some', VpcId: { Ref: 'Net' } },
};
const lambda = {
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { ZipFile: 'exports.handler = async () => 1;' },
    Handler: 'index.handler',
    Role: { 'Fn::GetAtt': 'Actor.Arn' },
    Runtime: 'nodejs24.x',
  },
};
const template = {
  Type: 'AWS::EC2::LaunchTemplate',
  Properties: { LaunchTemplateData: { ImageId: 'ami-0123456789abcdef0', InstanceType: 'm6i.large' } },
};
const group = {
  Type: 'AWS::AutoScaling::AutoScalingGroup',
  Properties: {
    MinSize: 0,
    MaxSize: 1,
    AvailabilityZones: ['us-east-1a'],
    LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' }, Version: '1' },
  },
};
const tags = (Value: string) => [{ Key: Value, Value }];
const groupName = { Ref: 'Group' };
const key = {
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
};
const indexed = {
  AttributeDefinitions: [...key.AttributeDefinitions, { AttributeName: 'kind', AttributeType: 'S' }],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'byKind',
      KeySchema: [{ AttributeName: 'kind', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
};
const alarm = {
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  EvaluationPeriods: 1,
  MetricName: 'ApproximateNumberOfMessagesVisible',
  Namespace: 'AWS/SQS',
  Period: 60,
  Statistic: 'Maximum',
};
const schedule = {
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: { Arn: { 'Fn::GetAtt': 'Lambda.Arn' }, RoleArn: { 'Fn::GetAtt': 'Actor.Arn' } },
};
const steps = (ScalingAdjustment: number) => ({
  AutoScalingGroupName: groupName,
  PolicyType: 'StepScaling',
  AdjustmentType: 'ChangeInCapacity',
  StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment }],
});

const component = {
  Type: 'AWS::ImageBuilder::Component',
  Properties: { Name: 'setup', Version: '1.0.0', Platform: 'Linux', Data: '{"phases":[]}' },
};
const recipe = {
  Type: 'AWS::ImageBuilder::ImageRecipe',
  Properties: {
    Name: 'Worker image',
    Version: '1.0.0',
    ParentImage: 'ami-0123456789abcdef0',
    Components: [{ ComponentArn: { Ref: 'Component' } }],
  },
};
const builders = { Name: 'builders', InstanceProfileName: 'Builder' };
const image = {
  ImageRecipeArn: { 'Fn::GetAtt': 'Recipe.Arn' },
  InfrastructureConfigurationArn: { Ref: 'Builders' },
};

const lives: Life[] = [
  {
    type: 'AWS::AutoScaling::AutoScalingGroup',
    before: { ...group.Properties, Cooldown: 60, MetricsCollection: [{ Granularity: '1Minute' }] },
    after: { ...group.Properties, MaxSize: 3, Tags: [{ Key: 'a', Value: 'b', PropagateAtLaunch: false }] },
    with: { Template: template },
  },
  {
    type: 'AWS::AutoScaling::LifecycleHook',
    before: { AutoScalingGroupName: groupName, LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING' },
    after: {
      ...{ AutoScalingGroupName: groupName, LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING' },
      HeartbeatTimeout: 60,
    },
    with: { Template: template, Group: group },
  },
  {
    type: 'AWS::AutoScaling::ScalingPolicy',
    before: steps(1),
    after: steps(2),
    with: { Template: template, Group: group },
  },
  {
    type: 'AWS::AutoScaling::WarmPool',
    before: { AutoScalingGroupName: groupName, MinSize: 1 },
    after: { AutoScalingGroupName: groupName, MinSize: 2, InstanceReusePolicy: { ReuseOnScaleIn: false } },
    with: { Template: template, Group: group },
  },
  { type: 'AWS::CDK::Metadata', before: { Analytics: 'a' }, after: { Analytics: 'b' } },
  { type: 'AWS::CloudFormation::WaitConditionHandle', before: {} },
  { type: 'AWS::CloudWatch::Alarm', before: { ...alarm, Threshold: 1 }, after: { ...alarm, Threshold: '2' } },
  {
    type: 'AWS::DynamoDB::Table',
    before: { ...key, ...indexed, BillingMode: 'PAY_PER_REQUEST', Tags: tags('old') },
    after: {
      ...key,
      ...indexed,
      DeletionProtectionEnabled: false,
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
    },
  },
  {
    type: 'AWS::ECR::Repository',
    before: { RepositoryName: 'images', ImageTagMutability: 'IMMUTABLE' },
    after: { RepositoryName: 'images', ImageScanningConfiguration: { ScanOnPush: true } },
  },
  {
    type: 'AWS::EC2::FlowLog',
    before: { ResourceId: { Ref: 'Net' }, ResourceType: 'VPC', TrafficType: 'ALL' },
    with: { Net: vpc },
  },
  { type: 'AWS::EC2::InternetGateway', before: { Tags: tags('old') }, after: { Tags: tags('new') } },
  {
    type: 'AWS::EC2::LaunchTemplate',
    before: template.Properties,
    after: { LaunchTemplateData: { ImageId: 'ami-0123456789abcdef0', InstanceType: 'm6a.large' } },
  },
  {
    type: 'AWS::EC2::Route',
    before: {
      RouteTableId: { Ref: 'Table' },
      DestinationCidrBlock: '0.0.0.0/0',
      GatewayId: { Ref: 'Gateway' },
    },
    after: { RouteTableId: { Ref: 'Table' }, DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: 'nat-1' },
    with: { Net: vpc, Table: routeTable, Gateway: gateway },
  },
  {
    type: 'AWS::EC2::RouteTable',
    before: { VpcId: { Ref: 'Net' }, Tags: tags('old') },
    after: { VpcId: { Ref: 'Net' } },
    with: { Net: vpc },
  },
  {
    type: 'AWS::EC2::SecurityGroup',
    before: {
      ...securityGroup.Properties,
      SecurityGroupEgress: [{ IpProtocol: 'tcp', CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443 }],
    },
    after: {
      ...securityGroup.Properties,
      SecurityGroupIngress: [{ IpProtocol: '-1', CidrIp: '10.0.0.0/8' }],
    },
    with: { Net: vpc },
  },
  {
    type: 'AWS::EC2::SecurityGroupEgress',
    before: { GroupId: { Ref: 'Guard' }, IpProtocol: '-1', CidrIp: '10.0.0.0/8' },
    with: { Net: vpc, Guard: securityGroup },
  },
  {
    type: 'AWS::EC2::SecurityGroupIngress',
    before: {
      GroupId: { Ref: 'Guard' },
      IpProtocol: 'tcp',
      FromPort: 22,
      ToPort: 22,
      SourceSecurityGroupId: { Ref: 'Guard' },
    },
    with: { Net: vpc, Guard: securityGroup },
  },
  {
    type: 'AWS::EC2::Subnet',
    before: { ...subnet.Properties, MapPublicIpOnLaunch: true },
    after: { ...subnet.Properties, Tags: tags('new') },
    with: { Net: vpc },
  },
  {
    type: 'AWS::EC2::SubnetRouteTableAssociation',
    before: { SubnetId: { Ref: 'Subnet' }, RouteTableId: { Ref: 'Table' } },
    with: { Net: vpc, Subnet: subnet, Table: routeTable },
  },
  {
    type: 'AWS::EC2::VPC',
    before: { CidrBlock: '10.0.0.0/16', EnableDnsSupport: true, Tags: tags('old') },
    after: { CidrBlock: '10.0.0.0/16', EnableDnsHostnames: 'true' },
  },
  {
    type: 'AWS::EC2::VPCEndpoint',
    before: { VpcId: { Ref: 'Net' }, ServiceName: 'com.amazonaws.us-east-1.s3' },
    after: { VpcId: { Ref: 'Net' }, ServiceName: 'com.amazonaws.us-east-1.s3', RouteTableIds: ['rtb-1'] },
    with: { Net: vpc },
  },
  {
    type: 'AWS::EC2::VPCGatewayAttachment',
    before: { VpcId: { Ref: 'Net' }, InternetGatewayId: { Ref: 'Gateway' } },
    with: { Net: vpc, Gateway: gateway },
  },
  {
    type: 'AWS::IAM::InstanceProfile',
    before: { Roles: [{ Ref: 'Actor' }] },
    after: { Roles: [] },
    with: { Actor: role },
  },
  {
    type: 'AWS::IAM::ManagedPolicy',
    before: { PolicyDocument: document('s3:*'), Roles: [{ Ref: 'Actor' }] },
    after: { PolicyDocument: document('sqs:*') },
    with: { Actor: role },
  },
  {
    type: 'AWS::IAM::Policy',
    before: { PolicyName: 'p', PolicyDocument: document('s3:*'), Roles: [{ Ref: 'Actor' }] },
    after: { PolicyName: 'p', PolicyDocument: document('sqs:*'), Roles: [{ Ref: 'Other' }] },
    with: { Actor: role, Other: role },
  },
  {
    type: 'AWS::IAM::Role',
    before: {
      AssumeRolePolicyDocument: trust,
      Description: 'old',
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
      Policies: [{ PolicyName: 'a', PolicyDocument: document('s3:*') }],
    },
    after: {
      AssumeRolePolicyDocument: trust,
      Policies: [{ PolicyName: 'b', PolicyDocument: document('sqs:*') }],
      Tags: tags('new'),
    },
  },
  {
    type: 'AWS::KMS::Alias',
    before: { AliasName: 'alias/mine', TargetKeyId: { Ref: 'Key' } },
    after: { AliasName: 'alias/mine', TargetKeyId: { Ref: 'Other' } },
    with: { Key: kmsKey, Other: kmsKey },
  },
  {
    type: 'AWS::KMS::Key',
    before: { Description: 'old', EnableKeyRotation: true },
    after: { Description: 'new', KeyPolicy: resourcePolicy('kms:*', '*'), Tags: tags('new') },
  },
  {
    type: 'AWS::Lambda::EventInvokeConfig',
    before: { FunctionName: { Ref: 'Lambda' }, Qualifier: '$LATEST', MaximumRetryAttempts: 0 },
    after: { FunctionName: { Ref: 'Lambda' }, Qualifier: '$LATEST', MaximumRetryAttempts: 1 },
    with: { Actor: role, Lambda: lambda },
  },
  {
    type: 'AWS::Lambda::Function',
    before: { ...lambda.Properties, Timeout: 10, Environment: { Variables: { A: '1' } } },
    after: { ...lambda.Properties, Code: { ZipFile: 'exports.handler = async () => 2;' } },
    with: { Actor: role },
  },
  {
    type: 'AWS::Lambda::Permission',
    before: {
      FunctionName: { Ref: 'Lambda' },
      Action: 'lambda:InvokeFunction',
      Principal: 'events.amazonaws.com',
    },
    with: { Actor: role, Lambda: lambda },
  },
  { type: 'AWS::Logs::LogGroup', before: { RetentionInDays: 7 }, after: { RetentionInDays: 14 } },
  {
    type: 'AWS::S3::Bucket',
    before: {
      VersioningConfiguration: { Status: 'Enabled' },
      LifecycleConfiguration: { Rules: [{ Status: 'Enabled', ExpirationInDays: 3 }] },
      CorsConfiguration: { CorsRules: [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }] },
    },
    after: {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true },
    },
  },
  {
    type: 'AWS::S3::BucketPolicy',
    before: { Bucket: { Ref: 'Bucket' }, PolicyDocument: resourcePolicy('s3:GetObject', bucketArn) },
    after: { Bucket: { Ref: 'Bucket' }, PolicyDocument: resourcePolicy('s3:*', bucketArn) },
    with: { Bucket: { Type: 'AWS::S3::Bucket' } },
  },
  { type: 'AWS::SNS::Topic', before: { DisplayName: 'a' }, after: { DisplayName: 'b' } },
  {
    type: 'AWS::SQS::Queue',
    before: {
      DelaySeconds: 1,
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': 'Dead.Arn' }, maxReceiveCount: 1 },
    },
    after: { VisibilityTimeout: 60, Tags: tags('new') },
    with: { Dead: queue },
  },
  {
    type: 'AWS::SQS::QueuePolicy',
    before: {
      Queues: [{ Ref: 'One' }, { Ref: 'Two' }],
      PolicyDocument: resourcePolicy('sqs:SendMessage', '*'),
    },
    after: { Queues: [{ Ref: 'One' }], PolicyDocument: resourcePolicy('sqs:*', '*') },
    with: { One: queue, Two: queue },
  },
  { type: component.Type, before: component.Properties },
  { type: recipe.Type, before: recipe.Properties, with: { Component: component } },
  {
    type: 'AWS::ImageBuilder::InfrastructureConfiguration',
    before: { ...builders, InstanceTypes: ['m6i.large'], TerminateInstanceOnFailure: 'true' },
    after: { ...builders, InstanceMetadataOptions: { HttpTokens: 'required' } },
  },
  {
    type: 'AWS::ImageBuilder::Image',
    before: image,
    after: { ...image, LoggingConfiguration: { LogGroupName: '/aws/imagebuilder/worker' } },
    with: {
      Component: component,
      Recipe: recipe,
      Builders: { Type: 'AWS::ImageBuilder::InfrastructureConfiguration', Properties: builders },
    },
  },
  {
    type: 'AWS::SSM::Parameter',
    before: { Type: 'String', Value: 'a', Tags: { old: 'old' } },
    after: { Type: 'String', Value: 'b', Description: 'new' },
  },
  {
    type: 'AWS::SecretsManager::Secret',
    before: { SecretString: 'a', Description: 'old', KmsKeyId: { Ref: 'Key' }, Tags: tags('old') },
    after: { GenerateSecretString: { PasswordLength: 20, ExcludePunctuation: 'true' }, Tags: tags('new') },
    with: { Key: kmsKey },
  },
  {
    type: 'AWS::Scheduler::Schedule',
    before: { ...schedule, ScheduleExpression: 'rate(1 hour)' },
    after: { ...schedule, ScheduleExpression: 'rate(2 hours)' },
    with: { Actor: role, Lambda: lambda },
  },
];

test('every type has a lifecycle test', () => {
  expect(lives.map(({ type }) => type).sort()).toEqual([...resourceTypes.keys()].sort());
});

test.each(lives)(
  '$type is created, updated in place, shows no change twice, and is deleted',
  async (life) => {
    const name = life.type.replaceAll('::', '-');
    const attributes = [resourceTypes.get(life.type)?.attributes ?? []].flat();
    const stack = (Properties: Properties) => ({
      Resources: { It: { Type: life.type, Properties }, ...life.with },
      Outputs: Object.fromEntries([
        ['Ref', { Value: { Ref: 'It' } }],
        ...attributes.map((one) => [one, { Value: { 'Fn::GetAtt': ['It', one] } }]),
      ]),
    });
    const made = await stacks.create(name, stack(life.before));
    expect.soft(await failures(name)).toEqual([]);
    expect(made.StackStatus).toBe('CREATE_COMPLETE');
    expect(made.Outputs).toHaveLength(attributes.length + 1);
    const id = await stacks.physicalId(name, 'It');
    await expect(stacks.update(name, stack(life.before))).rejects.toThrow('No updates are to be performed.');
    if (life.after) {
      const changed = await stacks.update(name, stack(life.after));
      expect.soft(await failures(name)).toEqual([]);
      expect(changed.StackStatus).toBe('UPDATE_COMPLETE');
      expect(await stacks.physicalId(name, 'It')).toBe(id);
      await expect(stacks.update(name, stack(life.after))).rejects.toThrow('No updates are to be performed.');
    }
    const gone = await stacks.delete(name);
    expect.soft(await failures(gone.StackId ?? '')).toEqual([]);
    expect(gone.StackStatus).toBe('DELETE_COMPLETE');
  },
);

async function failures(name: string): Promise<(string | undefined)[]> {
  const failed = (await stacks.events(name)).filter((event) => event.ResourceStatus?.endsWith('_FAILED'));
  return failed.map((event) => `${event.LogicalResourceId}: ${event.ResourceStatusReason}`);
}
