import { describe, expect, test } from 'vitest';
import { LONG_RETIREMENT, openFleet, startAgent, until } from '../../support/agent-fleet.ts';

const open = openFleet();

const denied = { kind: 'error', code: 'AccessDenied', message: 'not authorized', status: 403 } as const;

describe('the escalation', () => {
  test('refused at the minimum: works on, does not ask again while the group is at its minimum, ends when it may', async () => {
    const one = await open({ desired: 2 });
    const [agent] = await Promise.all([startAgent(one), one.launcher.booted(2)]);
    await one.call('autoscaling', 'UpdateAutoScalingGroup', {
      AutoScalingGroupName: 'fleet',
      MinSize: 2,
    });
    const retired = agent.lifecycle.ended;
    await one.send('true');
    await until(agent.work, ({ jobsDone, idleSinceMs }) => jobsDone === 1 && idleSinceMs !== undefined);
    await one.nextCall(({ action }) => action === 'DescribeAutoScalingGroups');
    await one.send('true');
    await until(agent.work, ({ jobsDone }) => jobsDone === 2);
    expect((await one.group()).desired).toBe(2);
    await one.call('autoscaling', 'UpdateAutoScalingGroup', {
      AutoScalingGroupName: 'fleet',
      MinSize: 1,
    });
    expect(await retired).toMatchObject({ reason: 'idle', rung: 'terminate', jobsDone: 2 });
  });

  test('refused at a minimum that it did not see: back to work, and the record is withdrawn', async () => {
    const one = await open({ minSize: 1 });
    one.faults.add({ action: 'DescribeAutoScalingGroups', effect: denied });
    const refusal = one.nextCall(({ action }) => action === 'TerminateInstanceInAutoScalingGroup');
    const agent = await startAgent(one);
    expect(await refusal).toMatchObject({ error: 'ValidationError' });
    await one.send('true');
    await until(agent.work, ({ jobsDone }) => jobsDone === 1);
    expect((await one.instanceRecord(agent.instance)).retirement).toBeUndefined();
    expect(await agent.retirementFile()).toBeUndefined();
    await agent.lifecycle.stop();
    await agent.work.drain(0);
  });

  test('throttled for a while: repeated until accepted', async () => {
    const one = await open();
    one.faults.add({
      action: 'TerminateInstanceInAutoScalingGroup',
      times: 4,
      effect: { kind: 'throttle' },
    });
    const agent = await startAgent(one, {
      config: { retirement: { ...LONG_RETIREMENT, idleSeconds: 0.3, ladderSeconds: 60 } },
    });
    expect(await agent.lifecycle.ended).toMatchObject({
      rung: 'terminate',
      tries: 2,
      lastError: expect.stringContaining('Throttling'),
    });
    expect((await one.group()).desired).toBe(0);
  });

  test('a lost answer: the second call changes nothing', async () => {
    const one = await open({ desired: 2 });
    one.faults.add({
      action: 'TerminateInstanceInAutoScalingGroup',
      times: 1,
      effect: { kind: 'error', code: 'InternalFailure', status: 500, applied: true },
    });
    const agent = await startAgent(one);
    expect(await agent.lifecycle.ended).toMatchObject({ rung: 'terminate' });
    expect((await one.group()).desired).toBe(1);
  });

  test('never accepted: set unhealthy, and AWS replaces the instance', async () => {
    const one = await open();
    one.faults.add({ action: 'TerminateInstanceInAutoScalingGroup', effect: denied });
    const agent = await startAgent(one);
    expect(await agent.lifecycle.ended).toMatchObject({ rung: 'unhealthy', tries: 2 });
    expect(await one.instanceRecord(agent.instance)).toMatchObject({ listing: 'instances' });
    expect(await agent.retirementFile()).toMatchObject({ rung: 'unhealthy' });
  });

  test('nothing is accepted: powering off is left to whoever started the agent', async () => {
    const one = await open();
    one.faults.add({ service: 'autoscaling', effect: denied });
    const agent = await startAgent(one);
    expect(await agent.lifecycle.ended).toMatchObject({
      rung: 'power-off',
      tries: 2,
      lastError: expect.stringContaining('AccessDenied'),
    });
    expect((await agent.retirementFile())?.['rung']).toBe('power-off');
  });
});
