import { describe, expect, test } from 'vitest';
import { pauseFleet, resumeFleet } from '../../client/instances/pause.ts';
import { changeFleetState } from '../../store/fleet-state.ts';
import { callsOf, type Fleet, GROUP, openFleet, TABLE } from '../support/agent-fleet.ts';
import { contextOf, keeperOf } from '../support/keeper.ts';

const open = openFleet();
const LAUNCH = { AutoScalingGroupName: GROUP, ScalingProcesses: ['Launch'] };

async function openPaused(): Promise<Fleet> {
  const fleet = await open({ desired: 0 });
  await pauseFleet(contextOf(fleet));
  return fleet;
}

describe('a paused fleet', () => {
  test('is not woken; its pause is no breaker that tripped, and none that was reset', async () => {
    const fleet = await openPaused();
    const keeper = await keeperOf(fleet);
    await fleet.send('a');
    expect(await keeper.after(0)).toEqual(['suspend-az-rebalance', 'report-breaker', 'remember-backlog']);
    expect(await keeper.after(1)).toEqual([]);
    for (const { input } of callsOf(fleet, 'PutMetricData')) {
      expect(input).toMatchObject({ MetricData: [{ Value: 0 }] });
    }
    expect(await fleet.item('fleet')).not.toHaveProperty('trippedAtMs');
  });

  test('is woken at the first look after it was resumed', async () => {
    const fleet = await openPaused();
    const keeper = await keeperOf(fleet);
    await fleet.send('a');
    await keeper.after(0);
    await keeper.after(2);
    await resumeFleet(contextOf(fleet));
    expect(await keeper.after(3)).toContain('wake');
    expect((await fleet.group()).desired).toBe(1);
  });

  test('stays paused when somebody has its launches resumed in the console', async () => {
    const fleet = await openPaused();
    const keeper = await keeperOf(fleet);
    await fleet.call('autoscaling', 'ResumeProcesses', LAUNCH);
    expect(await keeper.after(0)).toContain('suspend-launch');
    expect(await keeper.suspended()).toContain('Launch');
    expect(await keeper.after(1)).not.toContain('suspend-launch');
  });

  test('is not woken by the look that finds its launches resumed', async () => {
    const fleet = await openPaused();
    const keeper = await keeperOf(fleet);
    await fleet.send('a');
    await keeper.after(0);
    await fleet.call('autoscaling', 'ResumeProcesses', LAUNCH);
    expect(await keeper.after(2)).toEqual(['suspend-launch', 'report-breaker']);
    expect((await fleet.group()).desired).toBe(0);
  });

  test('keeps a breaker that tripped before open, until it is resumed', async () => {
    const fleet = await openPaused();
    const keeper = await keeperOf(fleet);
    await changeFleetState(fleet.clients.dynamodb, TABLE, { trippedAtMs: 1 });
    await fleet.call('autoscaling', 'ResumeProcesses', LAUNCH);
    expect(await keeper.after(0)).not.toContain('reset-breaker');
    expect(await resumeFleet(contextOf(fleet))).toMatchObject({
      trippedAt: '1970-01-01T00:00:00.001Z',
      suspended: true,
    });
    expect(await fleet.item('fleet')).not.toHaveProperty('trippedAtMs');
  });
});

describe('what a paused group is short of', () => {
  const desire = (fleet: Fleet, DesiredCapacity: number) =>
    fleet.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: GROUP, DesiredCapacity });

  /** Two instances run, the fleet is paused, and the group wants more. */
  async function openShort(): Promise<Fleet> {
    const fleet = await open({ desired: 2, hooks: false });
    await fleet.launcher.booted(2);
    await pauseFleet(contextOf(fleet));
    await desire(fleet, 5);
    return fleet;
  }

  test('is forgotten, so that it does not start all at once when the fleet is resumed', async () => {
    const fleet = await openShort();
    const keeper = await keeperOf(fleet);
    await fleet.send('a');
    expect(await keeper.after(3)).toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(2);
    expect(await keeper.after(4)).not.toContain('lower-desired');
    const [instance] = Object.keys((await fleet.group()).states);
    // As an instance goes that leaves its place to a successor.
    await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      InstanceId: instance,
      ShouldDecrementDesiredCapacity: false,
    });
    expect((await fleet.group()).desired).toBe(2);
    expect(await keeper.after(5)).toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(1);
    await resumeFleet(contextOf(fleet));
    expect((await fleet.group()).desired).toBe(1);
  });

  test('may be on its way when the pause begins: it is looked at again', async () => {
    const fleet = await openShort();
    const keeper = await keeperOf(fleet);
    expect(await keeper.after(1)).not.toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(5);
  });

  test('is kept as far as it is the minimum', async () => {
    const fleet = await openShort();
    await fleet.call('autoscaling', 'UpdateAutoScalingGroup', { AutoScalingGroupName: GROUP, MinSize: 3 });
    await (await keeperOf(fleet)).after(3);
    expect((await fleet.group()).desired).toBe(3);
  });
});

describe('what the keeper signs', () => {
  test('when it ran, and what of it failed', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await keeperOf(fleet);
    const startedMs = Date.now();
    const fault = fleet.faults.add({
      action: 'SuspendProcesses',
      effect: { kind: 'error', code: 'AccessDenied', status: 403 },
    });
    await expect(keeper.after(1)).rejects.toThrow('AccessDenied');
    const item = await fleet.item('fleet');
    expect(item?.['keptAtMs']).toBeGreaterThan(startedMs);
    expect(item?.['keeperFailure']).toContain('AccessDenied');
    fault.remove();
    await keeper.after(2);
    const later = await fleet.item('fleet');
    expect(later?.['keptAtMs']).toBe(Number(item?.['keptAtMs']) + 60_000);
    expect(later).not.toHaveProperty('keeperFailure');
  });

  test('also when it could not look', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await keeperOf(fleet);
    fleet.faults.add({ service: 'sqs', effect: { kind: 'error', code: 'AccessDenied', status: 403 } });
    await expect(keeper.after(0)).rejects.toThrow('AccessDenied');
    expect(await fleet.item('fleet')).toMatchObject({
      keptAtMs: expect.any(Number),
      keeperFailure: expect.stringContaining('AccessDenied'),
    });
  });
});
