import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, expect, test } from 'vitest';
import { startClock } from '../../clock.ts';
import { type ClientConfig, startTestCloud, type TestCloud } from '../support/cloud.ts';

const MINUTE = 60_000;

let cloud: TestCloud | undefined;
afterEach(async () => {
  await cloud?.close();
  cloud = undefined;
});

/** Starts a cloud whose clock is ahead of this machine's. */
async function cloudAhead(byMs: number): Promise<TestCloud> {
  const clock = startClock(1);
  cloud = await startTestCloud({ clock: { ...clock, now: () => Date.now() + byMs } });
  return cloud;
}

type Ask = (config: ClientConfig) => Promise<unknown>;
const CALLS: Record<string, [Ask, string]> = {
  dynamodb: [
    (config) => new DynamoDBClient(config).send(new ListTablesCommand({})),
    'InvalidSignatureException',
  ],
  sqs: [(config) => new SQSClient(config).send(new ListQueuesCommand({})), 'RequestTimeTooSkewed'],
  lambda: [
    (config) => new LambdaClient(config).send(new ListFunctionsCommand({})),
    'InvalidSignatureException',
  ],
  autoscaling: [
    (config) => new AutoScalingClient(config).send(new DescribeAutoScalingGroupsCommand({})),
    'SignatureDoesNotMatch',
  ],
  ec2: [(config) => new EC2Client(config).send(new DescribeInstancesCommand({})), 'RequestExpired'],
  s3: [(config) => new S3Client(config).send(new ListBucketsCommand({})), 'RequestTimeTooSkewed'],
};

test.each(Object.entries(CALLS))(
  '%s refuses a request that is twenty minutes old, with its own error code',
  async (_, [ask, name]) => {
    const { client } = await cloudAhead(20 * MINUTE);
    await expect(ask(client)).rejects.toMatchObject({ name });
  },
);

test.each([-20, 20])(
  'the SDK corrects its clock by the refusal and tries again: %i minutes',
  async (minutes) => {
    const { client } = await cloudAhead(minutes * MINUTE);
    for (const [ask] of Object.values(CALLS)) await ask({ ...client, maxAttempts: 3 });
  },
);

test.each([-4, 4])('a difference of %i minutes is accepted', async (minutes) => {
  const { client } = await cloudAhead(minutes * MINUTE);
  for (const [ask] of Object.values(CALLS)) await ask(client);
});
