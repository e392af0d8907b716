import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { flat, resourcesOf, templateOf } from './synthesised.ts';

const template = templateOf();

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

  it('poll long, lease as told, and dead-letter only as a net', () => {
    templateOf({ lease: Duration.minutes(2) }).hasResourceProperties('AWS::SQS::Queue', {
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
  it('is on demand, recoverable, forgetful, with one key and one index', () => {
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
        ],
      },
      1,
    );
  });
});

describe('the log bucket', () => {
  it('is encrypted, private, TLS only, and empties itself', () => {
    templateOf({ logRetention: Duration.days(7) }).hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      LifecycleConfiguration: {
        Rules: [
          {
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            ExpirationInDays: 7,
            Status: 'Enabled',
          },
        ],
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

describe('what is stored', () => {
  const stores = ['AWS::SQS::Queue', 'AWS::DynamoDB::Table', 'AWS::S3::Bucket'];
  it.each([
    [undefined, 'Retain'],
    [RemovalPolicy.DESTROY, 'Delete'],
  ])('with removal policy %s: %s', (removalPolicy, deletion) => {
    const template = templateOf(removalPolicy ? { removalPolicy } : {});
    const policies = stores
      .flatMap((type) => Object.values(resourcesOf(template, type)))
      .map((resource) => resource.DeletionPolicy);
    expect(policies).toEqual([deletion, deletion, deletion, deletion]);
  });
});

describe('the parameter', () => {
  it('tells the names that user-data cannot know', () => {
    const [parameter] = Object.values(resourcesOf(template, 'AWS::SSM::Parameter'));
    expect(parameter?.Properties['Name']).toBe('/mayfly/Test/Fleet');
    const names = JSON.parse(flat(parameter?.Properties['Value']));
    expect(names).toEqual({
      group: expect.stringMatching(/^<FleetGroup/),
      policyArn: expect.stringMatching(/^<FleetScaleOut/),
    });
  });
});
