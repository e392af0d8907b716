import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CallRecord } from '../../../local/front-door/call-log.ts';
import {
  type Agent,
  callsOf,
  type Fleet,
  GROUP,
  LONG_RETIREMENT,
  openFleet,
  startAgent,
} from '../../support/agent-fleet.ts';
import { eventually } from '../../support/eventually.ts';

const open = openFleet();

/** An idle fleet with an instance that boots into its warm pool. The test starts its agent. */
async function openPool(PoolState: 'Running' | 'Stopped' = 'Running') {
  const one = await open({ desired: 0 });
  const pool = { AutoScalingGroupName: GROUP, MinSize: 1, MaxGroupPreparedCapacity: 1, PoolState };
  await one.call('autoscaling', 'PutWarmPool', pool);
  await one.launcher.booted(1);
  return one;
}

/** The group takes the instance out of the pool. */
const draw = (one: Fleet) =>
  one.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: GROUP, DesiredCapacity: 1 });

async function pooled(one: Fleet, state: string): Promise<void> {
  const states = async () => {
    const { Instances } = await one.call('autoscaling', 'DescribeWarmPool', { AutoScalingGroupName: GROUP });
    return (Instances as { LifecycleState: string }[]).map(({ LifecycleState }) => LifecycleState);
  };
  await eventually(`an instance that is ${state}`, async () => (await states()).includes(state));
}

const hookOf = ({ input }: CallRecord) => (input as { LifecycleHookName?: string }).LifecycleHookName;
const completions = (one: Fleet) => callsOf(one, 'CompleteLifecycleAction').map(hookOf);

async function ready({ stateDirectory }: Agent): Promise<{ readyAtMs: number; pooled: boolean }> {
  return JSON.parse(await readFile(join(stateDirectory, 'ready.json'), 'utf8'));
}

test('takes no job and does not retire until it leaves the pool; then it works, and its idle time begins', async () => {
  const one = await openPool();
  await one.send('true');
  const idleSeconds = 0.3;
  const agent = await startAgent(one, { config: { retirement: { ...LONG_RETIREMENT, idleSeconds } } });
  await pooled(one, 'Warmed:Running');
  // Twice as long as an idle instance would have stayed.
  const untilMs = performance.now() + 600;
  await eventually('that', () => performance.now() > untilMs);
  expect(callsOf(one, 'ReceiveMessage')).toEqual([]);
  expect(callsOf(one, 'TerminateInstanceInAutoScalingGroup')).toEqual([]);
  const record = await eventually('the record', () => ready(agent).catch(() => undefined));
  expect(record.pooled).toBe(true);
  await draw(one);
  const retirement = await agent.lifecycle.ended;
  expect(retirement).toMatchObject({ reason: 'idle', rung: 'terminate', jobsDone: 1 });
  expect((await ready(agent)).pooled).toBe(false);
  expect(completions(one)).toEqual(['launch', 'launch', 'termination']);
});

test('stopped in the pool and started to work: completes the launch hook as at the first time', async () => {
  const one = await openPool('Stopped');
  const config = { retirement: LONG_RETIREMENT };
  const first = await startAgent(one, { config });
  await pooled(one, 'Warmed:Stopped');
  const before = await ready(first);
  await first.lifecycle.stop();
  await first.work.drain(0);
  // The hook's wait state begins a moment late: the call is repeated.
  one.faults.add({
    action: 'CompleteLifecycleAction',
    times: 1,
    effect: {
      kind: 'error',
      code: 'ValidationError',
      message: 'No active Lifecycle Action found',
      status: 400,
    },
  });
  await one.send('true');
  await draw(one);
  const again = await startAgent(one, { config, machine: 1 });
  expect(again.instance).toBe(first.instance);
  await eventually('the job', () => again.work.state().jobsDone === 1);
  expect(completions(one)).toEqual(['launch', 'launch', 'launch']);
  expect((await one.group()).states).toEqual({ [again.instance]: 'InService' });
  const after = await eventually('readiness', async () => {
    const known = await ready(again);
    return !known.pooled && known;
  });
  expect(after.readyAtMs).toBeGreaterThan(before.readyAtMs);
  await again.lifecycle.stop();
  await again.work.drain(0);
});

test('a refusal in the pool does not count once AWS has answered', async () => {
  const one = await openPool();
  await one.send('true');
  const agent = await startAgent(one, {
    config: { retirement: { ...LONG_RETIREMENT, idleSeconds: 0.3, refusalSeconds: 0.05 } },
  });
  await pooled(one, 'Warmed:Running');
  const denied = Object.assign(new Error('denied'), { name: 'AccessDeniedException' });
  agent.refusals.failed('report', denied);
  const untilMs = performance.now() + 60;
  await eventually('more than it may last', () => performance.now() > untilMs);
  agent.refusals.failed('report', denied);
  agent.refusals.answered('report');
  await draw(one);
  expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', jobsDone: 1 });
});

test('terminated in the pool: ends without a call, and completes the termination hook', async () => {
  const one = await openPool();
  const agent = await startAgent(one);
  await pooled(one, 'Warmed:Running');
  await one.call('autoscaling', 'DeleteWarmPool', { AutoScalingGroupName: GROUP });
  await one.nextCall((call) => call.action === 'CompleteLifecycleAction' && hookOf(call) === 'termination');
  expect(callsOf(one, 'TerminateInstanceInAutoScalingGroup')).toEqual([]);
  expect(await agent.retirementFile()).toMatchObject({ reason: 'auto-scaling', tries: 0 });
  await agent.lifecycle.stop();
});

test('a missing worker ends the instance once it has left the pool, not in it', async () => {
  const one = await openPool();
  const agent = await startAgent(one, { workerMissing: './worker is not there' });
  await pooled(one, 'Warmed:Running');
  expect(await agent.retirementFile()).toBeUndefined();
  await draw(one);
  expect(await agent.lifecycle.ended).toMatchObject({ reason: 'worker-missing', rung: 'terminate' });
});
