import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Duration } from 'aws-cdk-lib';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { synthesiseForeignApp } from '../support/foreign-app.ts';
import { outputsOf, Stacks } from '../support/stacks.ts';

const cli = join(import.meta.dirname, '../../../node_modules/aws-cdk/bin/cdk');

let cloud: TestCloud;
let stacks: Stacks;
let home: string;
let before: string;
let after: string;

beforeAll(async () => {
  cloud = await startTestCloud();
  stacks = new Stacks(cloud);
  home = await mkdtemp(join(tmpdir(), 'mayfly-cdk-'));
  before = join(home, 'before');
  after = join(home, 'after');
  synthesiseForeignApp(before, Duration.seconds(30));
  synthesiseForeignApp(after, Duration.seconds(60));
});
afterAll(async () => {
  stacks.client.destroy();
  await cloud.close();
  await rm(home, { recursive: true, force: true });
});

/** The unmodified CLI, as a user runs it, with only the endpoint set. */
async function cdk(assembly: string, ...words: string[]): Promise<string> {
  const { all } = await execa(process.execPath, [cli, ...words, '--app', assembly, '--ci'], {
    all: true,
    env: {
      HOME: home,
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_REGION: cloud.region,
      AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
      AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
      CDK_DISABLE_CLI_TELEMETRY: 'true',
    },
  });
  return all;
}

const deploy = ['deploy', '--require-approval', 'never', '--progress', 'events'];

test('cdk deploy, diff and destroy of a foreign app, before and after a bootstrap', {
  timeout: 600_000,
}, async () => {
  const deployed = await cdk(before, ...deploy);
  const made = await stacks.describe('Foreign');
  expect(made.StackStatus).toBe('CREATE_COMPLETE');
  expect(deployed).toContain(`Foreign.QueueUrl = ${outputsOf(made)['QueueUrl']}`);

  expect(await cdk(before, 'diff')).toContain('There were no differences');
  const difference = await cdk(after, 'diff');
  expect(difference).toMatch(/\[~\] AWS::SQS::Queue Orders/);
  expect(difference).toMatch(/VisibilityTimeout[\s\S]*30[\s\S]*60/);

  await bootstrap();
  const earlier = (await cloud.calls()).length;
  await cdk(after, ...deploy, '--method=direct');
  const updated = await stacks.describe('Foreign');
  expect(updated.StackStatus).toBe('UPDATE_COMPLETE');
  expect(outputsOf(updated)).toEqual(outputsOf(made));
  // The bootstrap's roles are used, with no other permissions.
  const byRoles = (await cloud.calls())
    .slice(earlier)
    .filter(({ caller }) => caller.startsWith('cdk-hnb659fds-'));
  expect(byRoles.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['ListObjectsV2', 'UpdateStack']),
  );
  expect(byRoles.filter(({ error }) => error === 'AccessDenied')).toEqual([]);
  await putAs('file-publishing');
  // The role's policy allows it in the buckets of other accounts.
  await expect(putAs('deploy')).rejects.toThrow('is not authorized to perform: s3:PutObject');

  expect(await cdk(after, 'destroy', '--force')).toContain('Foreign: destroyed');
  await expect(stacks.describe('Foreign')).rejects.toThrow('does not exist');
  expect(await cloud.call('sqs', 'ListQueues', {})).not.toHaveProperty('QueueUrls.0');

  await cloud.call('cloudformation', 'DeleteStack', { StackName: 'CDKToolkit' });
  await expect.poll(() => stacks.describe('CDKToolkit').catch(String)).toContain('does not exist');
  const Name = '/cdk-bootstrap/hnb659fds/version';
  await expect(cloud.call('ssm', 'GetParameter', { Name })).rejects.toThrow('not found');
});

/** Runs `cdk bootstrap` twice. The resources of the CLI's own template replace the stand-ins. */
async function bootstrap(): Promise<void> {
  const environment = `aws://${cloud.accountId}/${cloud.region}`;
  expect(await cdk(before, 'bootstrap', environment)).toContain(`Environment ${environment} bootstrapped`);
  expect((await stacks.describe('CDKToolkit')).StackStatus).toBe('CREATE_COMPLETE');
  expect(await cdk(before, 'bootstrap', environment)).toContain('bootstrapped (no changes)');
  const s3 = new S3Client({ ...cloud.client, forcePathStyle: true });
  const versioning = await s3.send(new GetBucketVersioningCommand({ Bucket: assets() }));
  expect(versioning.Status).toBe('Enabled');
  const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: assets() }));
  expect(Policy).toContain('AllowSSLRequestsOnly');
  s3.destroy();
}

const assets = () => `cdk-hnb659fds-assets-${cloud.accountId}-${cloud.region}`;

async function putAs(kind: string): Promise<void> {
  const role = `cdk-hnb659fds-${kind}-role-${cloud.accountId}-${cloud.region}`;
  const client = cloud.clientAs(`arn:aws:iam::${cloud.accountId}:role/${role}`, 'deployer');
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  try {
    await s3.send(new PutObjectCommand({ Bucket: assets(), Key: 'x', Body: 'x' }));
  } finally {
    s3.destroy();
  }
}
