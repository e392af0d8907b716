import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSimulatedClock, type SimulatedClock } from '../../clock.ts';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { outputsOf, Stacks } from '../support/stacks.ts';

let clock: SimulatedClock;
let cloud: TestCloud;
let stacks: Stacks;
let journal: string;

beforeAll(async () => {
  clock = createSimulatedClock();
  cloud = await startTestCloud({ clock });
  stacks = new Stacks(cloud);
  journal = join(cloud.context.directory, 'requests.jsonl');
});
afterAll(async () => {
  stacks.client.destroy();
  await cloud.close();
});

/** Responds as a function on AWS does. Its properties tell it to fail, to return another id, or not to respond. */
const SOURCE = `
const { appendFileSync } = require('node:fs');
const https = require('https');
exports.handler = async (event) => {
  appendFileSync(process.env.JOURNAL, JSON.stringify(event) + '\\n');
  const { Id, Refuse, Silent, Value } = event.ResourceProperties;
  if (Silent === event.RequestType) return;
  const answer = JSON.stringify({
    Status: Refuse === event.RequestType ? 'FAILED' : 'SUCCESS',
    Reason: 'the disk is full',
    PhysicalResourceId: event.RequestType === 'Delete' ? event.PhysicalResourceId : Id,
    StackId: event.StackId, RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId,
    Data: { Doubled: Value + Value },
  });
  const { hostname, pathname, search } = new URL(event.ResponseURL);
  await new Promise((resolve, reject) => {
    const headers = { 'content-type': '', 'content-length': Buffer.byteLength(answer) };
    const request = https.request({ hostname, path: pathname + search, method: 'PUT', headers }, (response) => {
      response.resume();
      response.statusCode < 300 ? resolve() : reject(new Error('status ' + response.statusCode));
    });
    request.on('error', reject);
    request.end(answer);
  });
};`;

const trust = {
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

/** A stack with the function and its custom resource. */
const stackOf = (properties: object) => ({
  Resources: {
    Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: trust } },
    Maker: {
      Type: 'AWS::Lambda::Function',
      Properties: {
        ...{ Runtime: 'nodejs24.x', Handler: 'index.handler', Timeout: 60 },
        Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
        Code: { ZipFile: SOURCE },
        Environment: { Variables: { JOURNAL: journal } },
      },
    },
    Made: {
      Type: 'Custom::Thing',
      Properties: { ServiceToken: { 'Fn::GetAtt': ['Maker', 'Arn'] }, ...properties },
    },
  },
  Outputs: {
    Id: { Value: { Ref: 'Made' } },
    Doubled: { Value: { 'Fn::GetAtt': ['Made', 'Doubled'] } },
  },
});

interface Request {
  RequestType: string;
  StackId: string;
  PhysicalResourceId?: string;
  ResourceProperties: object;
  OldResourceProperties?: object;
}

/** The requests that functions got for a stack, in order. */
async function requests(stackId: string | undefined): Promise<Request[]> {
  const text = await readFile(journal, 'utf8').catch(() => '');
  const all = text.split('\n').filter(Boolean);
  return all.map((line) => JSON.parse(line) as Request).filter(({ StackId }) => StackId === stackId);
}

const story = async (stackId: string | undefined): Promise<string[]> =>
  (await requests(stackId)).map(({ RequestType, PhysicalResourceId = '' }) =>
    `${RequestType} ${PhysicalResourceId}`.trim(),
  );

async function reasons(stackName: string): Promise<(string | undefined)[]> {
  const events = await stacks.events(stackName);
  return events
    .filter(({ ResourceStatus }) => ResourceStatus?.endsWith('FAILED'))
    .map(({ ResourceStatusReason }) => ResourceStatusReason);
}

test('a function creates, updates and deletes the resource', async () => {
  const made = await stacks.create(
    'made',
    stackOf({ Id: 'one', Value: 'a', Deep: { Count: 3, On: [true] } }),
  );
  expect(await reasons('made')).toEqual([]);
  expect(outputsOf(made)).toEqual({ Id: 'one', Doubled: 'aa' });
  const changed = await stacks.update('made', stackOf({ Id: 'one', Value: 'b' }));
  expect(outputsOf(changed)).toEqual({ Id: 'one', Doubled: 'bb' });
  const gone = await stacks.delete('made');
  expect(gone.StackStatus).toBe('DELETE_COMPLETE');
  expect(await story(gone.StackId)).toEqual(['Create', 'Update one', 'Delete one']);
  const [create, update] = await requests(gone.StackId);
  expect(create).toMatchObject({
    LogicalResourceId: 'Made',
    ResourceType: 'Custom::Thing',
    ResourceProperties: { Id: 'one', Value: 'a', Deep: { Count: '3', On: ['true'] } },
  });
  expect(update).toMatchObject({
    ResourceProperties: { Value: 'b' },
    OldResourceProperties: { Value: 'a', Deep: { Count: '3', On: ['true'] } },
  });
});

test("a failed response fails the stack with the function's reason, and is rolled back", async () => {
  const { StackStatus, StackId } = await stacks.create('refused', stackOf({ Id: 'two', Refuse: 'Create' }));
  expect(StackStatus).toBe('ROLLBACK_COMPLETE');
  expect(await reasons('refused')).toEqual([
    'Received response status [FAILED] from custom resource. Message returned: the disk is full',
  ]);
  expect(await story(StackId)).toEqual(['Create', 'Delete two']);
});

test('another physical id after an update is a replacement: the old one is deleted in the clean-up', async () => {
  await stacks.create('moved', stackOf({ Id: 'old', Value: 'a' }));
  const { StackId, StackStatus } = await stacks.update('moved', stackOf({ Id: 'new', Value: 'a' }));
  expect(StackStatus).toBe('UPDATE_COMPLETE');
  expect(await stacks.physicalId('moved', 'Made')).toBe('new');
  expect(await story(StackId)).toEqual(['Create', 'Update old', 'Delete old']);
  expect((await requests(StackId)).at(-1)?.ResourceProperties).toMatchObject({ Id: 'old' });
  await stacks.delete('moved');
  expect((await story(StackId)).at(-1)).toBe('Delete new');
});

test('a function that does not respond fails after the time-out', async () => {
  const template = stackOf({ Id: 'late', Silent: 'Create', ServiceTimeout: 90 });
  const StackId = await stacks.start('late', template);
  await expect.poll(() => story(StackId)).toEqual(['Create']);
  await clock.advance(89_000);
  expect((await stacks.describe('late')).StackStatus).toBe('CREATE_IN_PROGRESS');
  await clock.advance(1000);
  expect((await stacks.settled('late')).StackStatus).toBe('ROLLBACK_COMPLETE');
  expect(await reasons('late')).toEqual([
    'CloudFormation did not receive a response from your Custom Resource.',
  ]);
  expect(await story(StackId)).toEqual(['Create', expect.stringMatching(/^Delete late-Made-\w{12}$/)]);
});

test('the time-out is real time, whatever the speed of the cloud', async () => {
  const fast = await startTestCloud({ speed: 1000 });
  const fastStacks = new Stacks(fast);
  try {
    const template = stackOf({ Id: 'slow', Value: 'a', ServiceTimeout: 30 });
    expect((await fastStacks.create('fast', template)).StackStatus).toBe('CREATE_COMPLETE');
  } finally {
    fastStacks.client.destroy();
    await fast.close();
  }
});

test('a ServiceToken that is not a function is refused by name', async () => {
  const ServiceToken = 'arn:aws:sns:us-east-1:000000000000:topic';
  const Resources = { Made: { Type: 'AWS::CloudFormation::CustomResource', Properties: { ServiceToken } } };
  expect((await stacks.create('topic', { Resources })).StackStatus).toBe('ROLLBACK_COMPLETE');
  expect((await reasons('topic'))[0]).toMatch(
    `ServiceToken ${ServiceToken} is not a Lambda function: SNS topics are not implemented here.`,
  );
});
