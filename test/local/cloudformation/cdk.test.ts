import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../front-door/cloud-fixture.ts';
import { synthesiseForeignApp } from './foreign-app.ts';
import { outputsOf, Stacks } from './stacks.ts';

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

/** The unmodified CLI, as a user runs it, with nothing but the endpoint set. */
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

test('cdk deploy, diff and destroy of a foreign app', { timeout: 300_000 }, async () => {
  const deployed = await cdk(before, ...deploy);
  const made = await stacks.describe('Foreign');
  expect(made.StackStatus).toBe('CREATE_COMPLETE');
  expect(deployed).toContain(`Foreign.QueueUrl = ${outputsOf(made)['QueueUrl']}`);

  expect(await cdk(before, 'diff')).toContain('There were no differences');
  const difference = await cdk(after, 'diff');
  expect(difference).toMatch(/\[~\] AWS::SQS::Queue Orders/);
  expect(difference).toMatch(/VisibilityTimeout[\s\S]*30[\s\S]*60/);

  await cdk(after, ...deploy, '--method=direct');
  const updated = await stacks.describe('Foreign');
  expect(updated.StackStatus).toBe('UPDATE_COMPLETE');
  expect(outputsOf(updated)).toEqual(outputsOf(made));

  expect(await cdk(after, 'destroy', '--force')).toContain('Foreign: destroyed');
  await expect(stacks.describe('Foreign')).rejects.toThrow('does not exist');
  expect(await cloud.call('sqs', 'ListQueues', {})).not.toHaveProperty('QueueUrls.0');
});
