import { describe, expect, test } from 'vitest';
import { pauseFleet, resumeFleet } from '../../client/instances/pause.ts';
import { updateFleetState } from '../../store/fleet-state.ts';
import { callsOf, type Fleet, GROUP, openFleet, TABLE } from '../support/agent-fleet.ts';
import { createContext, createKeeper } from '../support/keeper.ts';

const open = openFleet();
const LAUNCH = { AutoScalingGroupName: GROUP, ScalingProcesses: ['Launch'] };

async function openPaused(): Promise<Fleet> {
  const fleet = await open({ desired: 0 });
  await pauseFleet(createContext(fleet));
  return fleet;
}

describe('a paused fleet', () => {
  test('does not scale out; its pause neither opens nor resets the breaker', async () => {
    const fleet = await openPaused();
    const keeper = await createKeeper(fleet);
    await fleet.send('a');
    expect(await keeper.after(0)).toEqual(['suspend-az-rebalance', 'report-breaker', 'record-backlog']);
    expect(await keeper.after(1)).toEqual([]);
    for (const { input } of callsOf(fleet, 'PutMetricData')) {
      expect(input).toMatchObject({ MetricData: [{ Value: 0 }] });
    }
    expect(await fleet.item('fleet')).not.toHaveProperty('trippedAtMs');
  });

  test('scales out at the first run after it was resumed', async () => {
    const fleet = await openPaused();
    const keeper = await createKeeper(fleet);
    await fleet.send('a');
    await keeper.after(0);
    await keeper.after(2);
    await resumeFleet(createContext(fleet));
    expect(await keeper.after(3)).toContain('execute-policy');
    expect((await fleet.group()).desired).toBe(1);
  });

  test('stays paused if somebody resumes its launches in the console', async () => {
    const fleet = await openPaused();
    const keeper = await createKeeper(fleet);
    await fleet.call('autoscaling', 'ResumeProcesses', LAUNCH);
    expect(await keeper.after(0)).toContain('suspend-launch');
    expect(await keeper.suspended()).toContain('Launch');
    expect(await keeper.after(1)).not.toContain('suspend-launch');
  });

  test('does not scale out at the run that finds its launches resumed', async () => {
    const fleet = await openPaused();
    const keeper = await createKeeper(fleet);
    await fleet.send('a');
    await keeper.after(0);
    await fleet.call('autoscaling', 'ResumeProcesses', LAUNCH);
    expect(await keeper.after(2)).toEqual(['suspend-launch', 'report-breaker']);
    expect((await fleet.group()).desired).toBe(0);
  });

  test('keeps a breaker open that was open before, until it is resumed', async () => {
    const fleet = await openPaused();
    const keeper = await createKeeper(fleet);
    await updateFleetState(fleet.clients.dynamodb, TABLE, { trippedAtMs: 1 });
    await fleet.call('autoscaling', 'ResumeProcesses', LAUNCH);
    expect(await keeper.after(0)).not.toContain('reset-breaker');
    expect(await resumeFleet(createContext(fleet))).toMatchObject({
      trippedAt: '1970-01-01T00:00:00.001Z',
      suspended: true,
    });
    expect(await fleet.item('fleet')).not.toHaveProperty('trippedAtMs');
  });
});

describe('the missing capacity of a paused group', () => {
  const desire = (fleet: Fleet, DesiredCapacity: number) =>
    fleet.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: GROUP, DesiredCapacity });

  /** Two instances run, the fleet is paused, and the desired capacity is higher. */
  async function openShort(): Promise<Fleet> {
    const fleet = await open({ desired: 2, hooks: false });
    await fleet.launcher.booted(2);
    await pauseFleet(createContext(fleet));
    await desire(fleet, 5);
    return fleet;
  }

  test('is given up, so that the instances do not start all at once when the fleet is resumed', async () => {
    const fleet = await openShort();
    const keeper = await createKeeper(fleet);
    await fleet.send('a');
    expect(await keeper.after(3)).toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(2);
    expect(await keeper.after(4)).not.toContain('lower-desired');
    const [instance] = Object.keys((await fleet.group()).states);
    // As after the end of an instance that does not lower the capacity.
    await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      InstanceId: instance,
      ShouldDecrementDesiredCapacity: false,
    });
    expect((await fleet.group()).desired).toBe(2);
    expect(await keeper.after(5)).toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(1);
    await resumeFleet(createContext(fleet));
    expect((await fleet.group()).desired).toBe(1);
  });

  test('may be launching when the pause begins, so it is checked again', async () => {
    const fleet = await openShort();
    const keeper = await createKeeper(fleet);
    expect(await keeper.after(1)).not.toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(5);
  });

  test('is kept up to the minimum', async () => {
    const fleet = await openShort();
    await fleet.call('autoscaling', 'UpdateAutoScalingGroup', { AutoScalingGroupName: GROUP, MinSize: 3 });
    await (await createKeeper(fleet)).after(3);
    expect((await fleet.group()).desired).toBe(3);
  });
});

describe('what the keeper records of its runs', () => {
  test('when it ran, and what failed', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
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

  test('also when it could not take a snapshot', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
    fleet.faults.add({ service: 'sqs', effect: { kind: 'error', code: 'AccessDenied', status: 403 } });
    await expect(keeper.after(0)).rejects.toThrow('AccessDenied');
    expect(await fleet.item('fleet')).toMatchObject({
      keptAtMs: expect.any(Number),
      keeperFailure: expect.stringContaining('AccessDenied'),
    });
  });
});
