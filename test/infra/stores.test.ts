import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { describe, expect, it } from 'vitest';
import { backlogWatch, bootBreakerWatch } from '../../client/doctor/alarm-settings.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { stepsFor } from '../../policy/steps.ts';
import { FleetFactsSchema } from '../../store/fleet-facts.ts';
import { resourcesOf, synthTemplate, toText } from '../support/synthesised.ts';

const template = synthTemplate();

describe('the queues', () => {
  it('are encrypted, keep messages for 14 days and refuse calls without TLS', () => {
    template.resourceCountIs('AWS::SQS::Queue', 2);
    template.allResourcesProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * 24 * 3600,
    });
    template.resourceCountIs('AWS::SQS::QueuePolicy', 2);
    template.allResourcesProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: Match.objectLike({
        Statement: [
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ],
      }),
    });
  });

  it('use long polling and the given lease, and dead-letter after 1,000 receives', () => {
    synthTemplate({ lease: Duration.minutes(2) }).hasResourceProperties('AWS::SQS::Queue', {
      ReceiveMessageWaitTimeSeconds: 20,
      VisibilityTimeout: 120,
      RedrivePolicy: {
        deadLetterTargetArn: Match.objectLike({
          'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetter'), 'Arn'],
        }),
        maxReceiveCount: 1000,
      },
    });
  });
});

describe('the table', () => {
  it('is on demand, with point-in-time recovery, TTL, one key, and two indexes', () => {
    template.resourcePropertiesCountIs(
      'AWS::DynamoDB::Table',
      {
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
        GlobalSecondaryIndexes: [
          {
            IndexName: 'byListing',
            KeySchema: [{ AttributeName: 'listing', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'ALL' },
          },
          {
            IndexName: 'byState',
            KeySchema: [
              { AttributeName: 'listed', KeyType: 'HASH' },
              { AttributeName: 'listedAt', KeyType: 'RANGE' },
            ],
            Projection: {
              NonKeyAttributes: ['label', 'group', 'requestId', 'instance'],
              ProjectionType: 'INCLUDE',
            },
          },
        ],
      },
      1,
    );
  });
});

describe('the log bucket', () => {
  it('is encrypted, private and TLS only', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      }),
    });
  });
});

describe('the content of the log bucket', () => {
  it.each([
    ['expires after the retention of the props; bodies with their messages, after 60 days on hold', {}, 88],
    ['keeps bodies as long as records', { recordRetention: Duration.days(90.5) }, 165],
    ['keeps bodies as long as their messages where no job is held', { trackJobs: false }, 28],
  ])('%s', (_, props, bodyDays) => {
    const deployed = synthTemplate({ logRetention: Duration.days(7), ...props });
    deployed.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: [
          { ExpirationInDays: 7, Prefix: 'jobs/', Status: 'Enabled' },
          { ExpirationInDays: 7, Prefix: 'instances/', Status: 'Enabled' },
          { ExpirationInDays: bodyDays, Prefix: 'bodies/', Status: 'Enabled' },
          { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 }, Status: 'Enabled' },
        ],
      },
    });
  });
});

describe('the stores', () => {
  const stores = ['AWS::SQS::Queue', 'AWS::DynamoDB::Table', 'AWS::S3::Bucket'];
  it.each([
    // A first deployment that fails deletes what it created. What is in use is retained.
    [undefined, 'RetainExceptOnCreate', 'Retain', 0],
    [RemovalPolicy.RETAIN, 'Retain', 'Retain', 0],
    [RemovalPolicy.DESTROY, 'Delete', 'Delete', 1],
  ])(
    'with removal policy %s: %s, and the bucket is emptied only then',
    (removalPolicy, deletion, replacement, emptied) => {
      const template = synthTemplate(removalPolicy ? { removalPolicy } : {});
      const policies = stores
        .flatMap((type) => Object.values(resourcesOf(template, type)))
        .map(({ DeletionPolicy, UpdateReplacePolicy }) => [DeletionPolicy, UpdateReplacePolicy]);
      expect(policies).toEqual(Array.from({ length: 4 }, () => [deletion, replacement]));
      template.resourceCountIs('Custom::S3AutoDeleteObjects', emptied);
    },
  );
});

describe('the parameter', () => {
  const parameterOf = (props?: WorkerFleetProps) => {
    const [parameter] = Object.values(resourcesOf(synthTemplate(props), 'AWS::SSM::Parameter'));
    return { name: parameter?.Properties['Name'], facts: JSON.parse(toText(parameter?.Properties['Value'])) };
  };

  it('names the resources', () => {
    expect(parameterOf()).toMatchObject({
      name: '/mayfly/Test/Fleet',
      facts: {
        fleet: 'Test/Fleet',
        queueUrl: expect.stringMatching(/^<FleetQueue/),
        deadLetterQueueUrl: expect.stringMatching(/^<FleetDeadLetterQueue/),
        table: expect.stringMatching(/^<FleetTable/),
        logBucket: expect.stringMatching(/^<FleetLogs/),
        group: expect.stringMatching(/^<FleetGroup/),
        policyArn: expect.stringMatching(/^<FleetScaleOut/),
        backlogAlarm: expect.stringMatching(/^<FleetBacklog/),
        bootBreakerAlarm: expect.stringMatching(/^<FleetBootBreaker/),
        keeperFunction: expect.stringMatching(/^<FleetKeeper/),
      },
    });
  });

  it('has every key of the schema', () => {
    const alarmTopic = Topic.fromTopicArn(
      new Stack(new App(), 'Other'),
      'Topic',
      'arn:aws:sns:us-east-1:1:t',
    );
    expect(Object.keys(parameterOf({ alarmTopic }).facts).sort()).toEqual(
      Object.keys(FleetFactsSchema.entries).sort(),
    );
    expect(parameterOf().facts).not.toHaveProperty('alarmTopic');
  });

  it('is at most half as long as the 4 KB of a standard parameter', () => {
    expect(JSON.stringify(parameterOf().facts).length).toBeLessThan(2048);
  });

  it('has the values that the group, its policy, its hooks and its alarms were deployed with', () => {
    const props = { maxCapacity: 7, limit: Duration.hours(8), scaleOut: { threshold: 5 } };
    const { facts } = parameterOf(props);
    const template = synthTemplate(props);
    const deployed = (type: string) =>
      Object.values(resourcesOf(template, type)).map((one) => one.Properties);
    expect(deployed('AWS::AutoScaling::AutoScalingGroup')).toMatchObject([
      { MinSize: String(facts.minCapacity), MaxSize: String(facts.maxCapacity) },
    ]);
    expect(deployed('AWS::AutoScaling::LifecycleHook')).toMatchObject([
      { LifecycleHookName: facts.launchHook, HeartbeatTimeout: facts.bootBudgetSeconds },
      { LifecycleHookName: facts.terminationHook, HeartbeatTimeout: facts.terminationHookSeconds },
    ]);
    const { threshold, jobsPerInstance } = facts.scaleOut;
    const steps = stepsFor({ threshold, jobsPerInstance, maxCapacity: facts.maxCapacity });
    expect(deployed('AWS::AutoScaling::ScalingPolicy')).toMatchObject([
      {
        EstimatedInstanceWarmup: facts.scaleOut.warmUpSeconds,
        StepAdjustments: steps.map(({ change }) => ({ ScalingAdjustment: change })),
      },
    ]);
    const alarms = [bootBreakerWatch(facts), backlogWatch(facts)].map((watch) => ({
      Namespace: watch?.namespace,
      MetricName: watch?.metric,
      Statistic: watch?.statistic,
      Period: watch?.periodSeconds,
      EvaluationPeriods: watch?.periods,
      Threshold: watch?.threshold,
      ComparisonOperator: watch?.comparison,
      TreatMissingData: watch?.missingData,
    }));
    expect(deployed('AWS::CloudWatch::Alarm')).toEqual(
      expect.arrayContaining(alarms.map((alarm) => expect.objectContaining(alarm))),
    );
  });

  it('has the values of the props', () => {
    const { facts } = parameterOf({
      trackJobs: false,
      concurrency: 4,
      limit: Duration.minutes(5),
      reportInterval: Duration.minutes(10),
      ...{ workerDirectory: 'examples/dictionary', setup: 'setup.yml', command: ['./define'] },
      commands: { healthy: ['curl', 'https://secret.example'], undo: ['./define'] },
      groups: { lanes: '10%', checkLimit: Duration.minutes(2) },
      secrets: {
        A: StringParameter.fromSecureStringParameterAttributes(new Stack(), 'A', { parameterName: '/a' }),
        B: StringParameter.fromSecureStringParameterAttributes(new Stack(), 'B', { parameterName: '/b' }),
      },
    });
    expect(facts).toMatchObject({
      trackJobs: false,
      concurrency: 4,
      limitSeconds: 300,
      silentSeconds: 3000,
      setup: true,
      commands: ['healthy', 'undo'],
      secretServices: ['ssm'],
      groups: { lanes: '10%', maxLanes: 100, checkLimitSeconds: 120, notNowLimitSeconds: 1800 },
    });
    expect(parameterOf().facts).toMatchObject({
      setup: false,
      commands: [],
      secretServices: [],
      groups: { lanes: 1 },
    });
  });
});
