import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Cancel } from '../../clock.ts';
import { createCloudFormation } from '../../cloudformation/cloudformation.ts';
import { AwsError, type CallAws, type RunningService } from '../../front-door/service.ts';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud.close());

let running: RunningService | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
});

/** Runs before each call of CloudFormation to the other services. It may wait, or throw. */
type Gate = (action: string, input: Record<string, unknown>) => Promise<void> | undefined;

/** A CloudFormation that calls the cloud's other services through a gate. */
class Gated {
  gate: Gate = () => undefined;
  /** The timers of the stack's time limit. */
  readonly timers: (() => void)[] = [];
  readonly #service: RunningService;

  constructor() {
    const call: CallAws = async (service, action, input) => {
      await this.gate(action, input);
      return cloud.call(service, action, input);
    };
    const after = (_ms: number, task: () => void): Cancel => {
      this.timers.push(task);
      return () => {};
    };
    const { now, speed, every } = cloud.context.clock;
    this.#service = createCloudFormation({ ...cloud.context, call, clock: { now, speed, every, after } });
    running = this.#service;
  }

  async call(action: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    const details = { service: 'cloudformation', action, region: cloud.region, requestId: 'test' };
    const caller = { kind: 'owner', accessKeyId: 'AKIATEST' } as const;
    const operation = this.#service.service.operations[action];
    const output = await operation?.run(input, { ...details, caller, signal: new AbortController().signal });
    return output ?? {};
  }

  async status(StackName: string): Promise<string> {
    const { Stacks } = await this.call('DescribeStacks', { StackName });
    return (Stacks as { StackStatus: string }[])[0]?.StackStatus ?? '';
  }

  async story(StackName: string): Promise<string[]> {
    const { StackEvents } = await this.call('DescribeStackEvents', { StackName });
    const events = StackEvents as {
      LogicalResourceId: string;
      ResourceStatus: string;
      ResourceStatusReason?: string;
    }[];
    return events.map(
      (one) => `${one.LogicalResourceId} ${one.ResourceStatus} ${one.ResourceStatusReason ?? ''}`,
    );
  }

  settled(StackName: string): Promise<string> {
    return expect
      .poll(() => this.status(StackName), { interval: 5 })
      .not.toMatch(/_IN_PROGRESS$/)
      .then(() => this.status(StackName));
  }
}

const queue = (QueueName: string, more: object = {}) => ({
  Type: 'AWS::SQS::Queue',
  Properties: { QueueName, ...more },
});
const body = (Resources: object) => ({ TemplateBody: JSON.stringify({ Resources }) });

/** Blocks the first matching call until it is released. */
function held(matches: Gate extends (...args: infer A) => unknown ? (...args: A) => boolean : never) {
  const reached = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const gate: Gate = (action, input) => {
    if (!matches(action, input)) return undefined;
    reached.resolve();
    return release.promise;
  };
  return { gate, reached: reached.promise, release: release.resolve };
}

async function queueNames(QueueNamePrefix: string): Promise<string[]> {
  const { QueueUrls = [] } = await cloud.call('sqs', 'ListQueues', { QueueNamePrefix });
  return (QueueUrls as string[]).map((url) => url.split('/').at(-1) ?? '');
}

test('a stack that is deleted while it is created leaves no resources', async () => {
  const cf = new Gated();
  const { gate, reached, release } = held((action, { QueueName }) => {
    return action === 'CreateQueue' && QueueName === 'halfway-slow';
  });
  cf.gate = gate;
  const later = { ...queue('halfway-later'), DependsOn: 'Slow' };
  const input = { StackName: 'halfway', ...body({ Slow: queue('halfway-slow'), Later: later }) };
  const { StackId } = await Promise.all([cf.call('CreateStack', input), reached]).then(([output]) => output);
  const deletion = cf.call('DeleteStack', { StackName: 'halfway' });
  expect(await cf.status('halfway')).toBe('DELETE_IN_PROGRESS');
  release();
  await deletion;
  expect(await cf.settled(String(StackId))).toBe('DELETE_COMPLETE');
  expect(await queueNames('halfway-')).toEqual([]);
  expect((await cf.story(String(StackId))).join()).not.toContain('Later CREATE');
});

test('a failure waits for operations in progress, starts no others and rolls all of them back', async () => {
  const cf = new Gated();
  const { gate, release } = held((action, { QueueName }) => {
    return action === 'CreateQueue' && QueueName === 'several-slow';
  });
  cf.gate = (action, input) => {
    if (input['QueueName'] !== 'several-bad') return gate(action, input);
    setImmediate(release);
    throw new AwsError('LimitExceeded', 'too many queues');
  };
  const Resources = {
    Slow: queue('several-slow'),
    Bad: queue('several-bad'),
    Next: { ...queue('several-next'), DependsOn: 'Slow' },
  };
  await cf.call('CreateStack', { StackName: 'several', ...body(Resources) });
  expect(await cf.settled('several')).toBe('ROLLBACK_COMPLETE');
  const story = (await cf.story('several')).join('\n');
  expect(story).toContain('Bad CREATE_FAILED too many queues (Error Code: LimitExceeded)');
  expect(story).toContain('Slow DELETE_COMPLETE');
  expect(story).not.toContain('Next');
  expect(await queueNames('several-')).toEqual([]);
});

test('a cancelled update is rolled back', async () => {
  const cf = new Gated();
  await cf.call('CreateStack', { StackName: 'cancelled', ...body({ One: queue('cancelled-one') }) });
  const { gate, reached, release } = held((action) => action === 'SetQueueAttributes');
  cf.gate = gate;
  const changed = body({ One: queue('cancelled-one', { DelaySeconds: 9 }) });
  const update = cf.call('UpdateStack', { StackName: 'cancelled', ...changed });
  await reached;
  await cf.call('CancelUpdateStack', { StackName: 'cancelled' });
  release();
  await update;
  expect(await cf.settled('cancelled')).toBe('UPDATE_ROLLBACK_COMPLETE');
  const { QueueUrl } = await cloud.call('sqs', 'GetQueueUrl', { QueueName: 'cancelled-one' });
  const answer = await cloud.call('sqs', 'GetQueueAttributes', {
    QueueUrl,
    AttributeNames: ['DelaySeconds'],
  });
  expect(answer).toMatchObject({ Attributes: { DelaySeconds: '0' } });
});

test('a creation that takes longer than its limit is rolled back', async () => {
  const cf = new Gated();
  const { gate, reached, release } = held((action) => action === 'CreateQueue');
  cf.gate = gate;
  const input = { StackName: 'late', TimeoutInMinutes: 5, ...body({ One: queue('late-one') }) };
  const creation = cf.call('CreateStack', input);
  await reached;
  for (const ring of cf.timers) ring();
  release();
  await creation;
  expect(await cf.settled('late')).toBe('ROLLBACK_COMPLETE');
  expect((await cf.story('late')).join()).toContain('exceeded the specified timeout of 5 minute(s)');
});

test('a roll-back that fails can be continued', async () => {
  const cf = new Gated();
  await cf.call('CreateStack', { StackName: 'twice', ...body({ One: queue('twice-one') }) });
  let refuse = true;
  cf.gate = (action) => {
    if (action === 'SetQueueAttributes' && refuse) throw new AwsError('Throttling', 'not now');
    return undefined;
  };
  const changed = body({ One: queue('twice-one', { DelaySeconds: 9 }) });
  await cf.call('UpdateStack', { StackName: 'twice', ...changed });
  expect(await cf.settled('twice')).toBe('UPDATE_ROLLBACK_FAILED');
  await expect(cf.call('UpdateStack', { StackName: 'twice', ...changed })).rejects.toThrow(
    'is in UPDATE_ROLLBACK_FAILED state and can not be updated.',
  );
  refuse = false;
  await cf.call('ContinueUpdateRollback', { StackName: 'twice' });
  expect(await cf.settled('twice')).toBe('UPDATE_ROLLBACK_COMPLETE');
});

test('an update without roll-back keeps its state after a failure, and can be rolled back later', async () => {
  const cf = new Gated();
  await cf.call('CreateStack', { StackName: 'paused', ...body({ One: queue('paused-one') }) });
  cf.gate = (_action, { QueueName }) => {
    if (QueueName === 'paused-bad') throw new AwsError('LimitExceeded', 'too many queues');
    return undefined;
  };
  const Resources = { One: queue('paused-two'), Bad: { ...queue('paused-bad'), DependsOn: 'One' } };
  await cf.call('UpdateStack', { StackName: 'paused', DisableRollback: true, ...body(Resources) });
  expect(await cf.settled('paused')).toBe('UPDATE_FAILED');
  expect((await queueNames('paused-')).sort()).toEqual(['paused-one', 'paused-two']);
  await cf.call('RollbackStack', { StackName: 'paused' });
  expect(await cf.settled('paused')).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(await queueNames('paused-')).toEqual(['paused-one']);
});

test('a failed update can continue with a corrected template', async () => {
  const cf = new Gated();
  await cf.call('CreateStack', { StackName: 'onward', ...body({ One: queue('onward-one') }) });
  cf.gate = (_action, { QueueName }) => {
    if (QueueName === 'onward-bad') throw new AwsError('LimitExceeded', 'too many queues');
    return undefined;
  };
  const first = { One: queue('onward-one', { DelaySeconds: 3 }), Two: queue('onward-bad') };
  await cf.call('UpdateStack', { StackName: 'onward', DisableRollback: true, ...body(first) });
  expect(await cf.settled('onward')).toBe('UPDATE_FAILED');
  const better = { ...first, Two: queue('onward-good') };
  await cf.call('UpdateStack', { StackName: 'onward', ...body(better) });
  expect(await cf.settled('onward')).toBe('UPDATE_COMPLETE');
  expect((await queueNames('onward-')).sort()).toEqual(['onward-good', 'onward-one']);
});

test('closing the cloud ends operations in progress', async () => {
  const cf = new Gated();
  const { gate, reached, release } = held((action) => action === 'CreateQueue');
  cf.gate = gate;
  const creation = cf.call('CreateStack', { StackName: 'closing', ...body({ One: queue('closing-one') }) });
  await reached;
  const closed = running?.close();
  release();
  await Promise.all([creation, closed]);
  expect(await cf.status('closing')).not.toMatch(/_IN_PROGRESS$/);
});
