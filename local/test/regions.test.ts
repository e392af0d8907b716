import {
  CloudFormationClient,
  DescribeStacksCommand,
  ListStacksCommand,
} from '@aws-sdk/client-cloudformation';
import {
  CreateBucketCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateQueueCommand, ListQueuesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from './support/cloud.ts';
import { Stacks } from './support/stacks.ts';

const HERE = 'us-east-1';
const THERE = 'eu-west-1';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.close());

const at = (region: string) => ({ ...cloud.client, region });
const sqsAt = (region: string) => new SQSClient(at(region));
const s3At = (region: string) => new S3Client({ ...at(region), forcePathStyle: true });

describe('two regions are separate', () => {
  test('the same queue name is a queue of its own in each region that the caller signs for', async () => {
    const [here, there] = [sqsAt(HERE), sqsAt(THERE)];
    const { QueueUrl } = await here.send(new CreateQueueCommand({ QueueName: 'jobs' }));
    expect((await there.send(new ListQueuesCommand({}))).QueueUrls ?? []).toEqual([]);
    const elsewhere = there.send(new SendMessageCommand({ QueueUrl, MessageBody: 'lost' }));
    await expect(elsewhere).rejects.toMatchObject({ name: 'QueueDoesNotExist' });

    await there.send(new CreateQueueCommand({ QueueName: 'jobs' }));
    await there.send(new SendMessageCommand({ QueueUrl, MessageBody: 'there' }));
    const waiting = async (region: string) => {
      const input = { QueueUrl, AttributeNames: ['ApproximateNumberOfMessages', 'QueueArn'] };
      return (await (await cloud.inRegion(region)).call('sqs', 'GetQueueAttributes', input))['Attributes'];
    };
    expect(await waiting(HERE)).toEqual({
      ...{ ApproximateNumberOfMessages: '0', QueueArn: 'arn:aws:sqs:us-east-1:000000000000:jobs' },
    });
    expect(await waiting(THERE)).toEqual({
      ...{ ApproximateNumberOfMessages: '1', QueueArn: 'arn:aws:sqs:eu-west-1:000000000000:jobs' },
    });
  });

  test('a stack creates its resources in its own region, even if the other one has the same names', async () => {
    const template = {
      Resources: {
        Table: {
          Type: 'AWS::DynamoDB::Table',
          Properties: {
            ...{ TableName: 'records', BillingMode: 'PAY_PER_REQUEST' },
            KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
            AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          },
        },
      },
      Outputs: {
        Region: { Value: { Ref: 'AWS::Region' } },
        Arn: { Value: { 'Fn::GetAtt': ['Table', 'Arn'] } },
      },
    };
    for (const region of [HERE, THERE]) {
      const stacks = new Stacks({ ...cloud, client: at(region) });
      const { Outputs } = await stacks.create('Shop', template);
      expect(Outputs?.map(({ OutputValue }) => OutputValue)).toEqual([
        region,
        `arn:aws:dynamodb:${region}:000000000000:table/records`,
      ]);
      stacks.client.destroy();
    }
    const there = new CloudFormationClient(at(THERE));
    const { StackSummaries } = await there.send(new ListStacksCommand({}));
    expect(StackSummaries?.map(({ StackName }) => StackName)).toEqual(['Shop']);
    const farther = new CloudFormationClient(at('sa-east-1'));
    await expect(farther.send(new DescribeStacksCommand({ StackName: 'Shop' }))).rejects.toThrow(
      'does not exist',
    );
  });

  test('an instance is in one region, and no instance of another region has its address', async () => {
    const run = async (region: string) => {
      const one = await cloud.inRegion(region);
      await one.call('ec2', 'RunInstances', { ImageId: 'ami-1', MinCount: 1, MaxCount: 1 });
      return one.instances.all();
    };
    const [here, there] = [await run(HERE), await run(THERE)];
    expect([...here, ...there].map(({ availabilityZone }) => availabilityZone)).toEqual([
      `${HERE}a`,
      `${THERE}a`,
    ]);
    expect(new Set([...here, ...there].map(({ privateIp }) => privateIp)).size).toBe(2);
  });

  test('each region has the bootstrap resources, and the account has their roles', async () => {
    const RoleArn = `arn:aws:iam::000000000000:role/cdk-hnb659fds-deploy-role-000000000000-ap-south-1`;
    const assume = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'deploy' });
    expect(await new STSClient(at('ap-south-1')).send(assume)).toHaveProperty('Credentials');
    const Name = '/cdk-bootstrap/hnb659fds/version';
    const { Parameter } = await new SSMClient(at('ap-south-1')).send(new GetParameterCommand({ Name }));
    expect(Parameter?.ARN).toBe(`arn:aws:ssm:ap-south-1:000000000000:parameter${Name}`);
    const asset = { Bucket: 'cdk-hnb659fds-assets-000000000000-ap-south-1', Key: 'x', Body: 'x' };
    await s3At('ap-south-1').send(new PutObjectCommand(asset));
  });
});

test('a region keeps bootstrap resources that were created before its first use', async () => {
  await cloud.call('s3', 'CreateBucket', { Bucket: 'cdk-hnb659fds-assets-000000000000-eu-north-1' });
  const RoleName = 'cdk-hnb659fds-deploy-role-000000000000-eu-north-1';
  await cloud.call('iam', 'CreateRole', { RoleName, AssumeRolePolicyDocument: '{"Statement":[]}' });
  await sqsAt('eu-north-1').send(new ListQueuesCommand({}));
  const assume = new AssumeRoleCommand({
    ...{ RoleArn: `arn:aws:iam::000000000000:role/${RoleName}`, RoleSessionName: 'deploy' },
  });
  await expect(new STSClient(at(HERE)).send(assume)).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('a bucket is in the region of its location constraint and can be read from all', async () => {
  const [here, there] = [s3At(HERE), s3At(THERE)];
  await there.send(new CreateBucketCommand({ Bucket: 'far' }));
  const located = await here.send(new GetBucketLocationCommand({ Bucket: 'far' }));
  expect(located.LocationConstraint).toBe(THERE);
  await here.send(new CreateBucketCommand({ Bucket: 'near' }));
  const near = await there.send(new GetBucketLocationCommand({ Bucket: 'near' }));
  expect(near.LocationConstraint).toBeUndefined();
  await there.send(new PutObjectCommand({ Bucket: 'far', Key: 'k', Body: 'kept' }));
  const { Body } = await here.send(new GetObjectCommand({ Bucket: 'far', Key: 'k' }));
  expect(await Body?.transformToString()).toBe('kept');
  const CreateBucketConfiguration = { LocationConstraint: 'eu-west-3' } as const;
  const wrong = there.send(new CreateBucketCommand({ Bucket: 'lost', CreateBucketConfiguration }));
  await expect(wrong).rejects.toThrow('The eu-west-3 location constraint is incompatible');
});

test.each(['nowhere', 'cn-north-1', 'us-gov-west-1', '../us-east-1'])(
  '%s is not a region',
  async (region) => {
    const refused = cloud.inRegion(region);
    await expect(refused).rejects.toThrow('Credential should be scoped to a valid region');
  },
);

test('the log has the region of each call', async () => {
  await sqsAt('ca-central-1').send(new ListQueuesCommand({}));
  const calls = await cloud.calls();
  expect(calls.at(-1)).toMatchObject({ region: 'ca-central-1', action: 'ListQueues' });
  await expect(sqsAt('cn-north-1').send(new ListQueuesCommand({}))).rejects.toThrow('valid region');
});
