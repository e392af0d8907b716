import { describe, expect, test } from 'vitest';
import { resumeFleet } from '../../client/instances/pause.ts';
import type { Retirement } from '../../jobs/record.ts';
import { isIndexComplete, readFleetState, updateFleetState } from '../../store/fleet-state.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { callsOf, type Fleet, GROUP, LAUNCH_HOOK, openFleet, TABLE } from '../support/agent-fleet.ts';
import { eventually } from '../support/eventually.ts';
import { createContext, createKeeper, scaleOutPolicy } from '../support/keeper.ts';

const open = openFleet();
const instancesOf = ({ clients }: Fleet) => createInstanceStore(clients.dynamodb, TABLE, 60);
const retirement: Retirement = {
  reason: 'idle',
  decidedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:00.000Z',
  idleSeconds: 60,
  jobsDone: 1,
  rung: 'power-off',
  tries: 3,
};

describe('every minute', () => {
  test('AZRebalance is suspended, and the closed breaker is reported once', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
    expect(await keeper.after(0)).toEqual(['suspend-az-rebalance', 'report-breaker']);
    expect(await keeper.after(1)).toEqual([]);
    expect(await keeper.suspended()).toEqual(['AZRebalance']);
    expect(callsOf(fleet, 'PutMetricData')[0]?.input).toMatchObject({
      Namespace: 'Mayfly',
      MetricData: [{ MetricName: 'BootBreaker', Value: 0, Dimensions: [{ Name: 'Fleet', Value: 'test' }] }],
    });
  });

  test('the breaker is reported again after a report failed, and after a missed run', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
    fleet.faults.add({
      action: 'PutMetricData',
      effect: { kind: 'error', code: 'AccessDenied', status: 403 },
      times: 1,
    });
    await expect(keeper.after(0)).rejects.toThrow('AccessDenied');
    expect(await keeper.after(1)).toEqual(['report-breaker']);
    expect(await keeper.after(2)).toEqual([]);
    expect(await keeper.after(4)).toEqual(['report-breaker']);
    expect(await keeper.after(5)).toEqual([]);
  });

  test('an action that fails does not prevent the others, and its error is reported', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
    fleet.faults.add({
      action: 'SuspendProcesses',
      effect: { kind: 'error', code: 'AccessDenied', status: 403 },
    });
    await expect(keeper.after(0)).rejects.toThrow('1 of 2 actions failed: AccessDenied');
    expect(callsOf(fleet, 'PutMetricData')).toHaveLength(1);
  });

  test('after a rollback a failed run does not hide the rollback from the next run, which finds jobs that are not in the index', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
    // A keeper of the earlier version ran last.
    const rolledBack = { listedSinceMs: 0, keptWithIndexAtMs: 1, keptAtMs: 2 };
    await updateFleetState(fleet.clients.dynamodb, TABLE, rolledBack);
    fleet.faults.add({
      action: 'SuspendProcesses',
      effect: { kind: 'error', code: 'AccessDenied', status: 403 },
      times: 1,
    });
    await expect(keeper.after(0)).rejects.toThrow('AccessDenied');
    await keeper.after(1);
    const state = await readFleetState(fleet.clients.dynamodb, TABLE);
    expect(isIndexComplete(state, 86_400, Date.now())).toBe(false);
    expect(state.listedSinceMs).toBeGreaterThan(0);
  });

  test('a fleet without a group is left unchanged', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet, { groupName: 'gone' });
    expect(await keeper.after(0)).toEqual([]);
  });
});

describe('scaling out', () => {
  test('a backlog without a launch executes the policy, once', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
    for (const body of ['a', 'b', 'c']) await fleet.send(body);
    expect(await keeper.after(0)).toContain('record-backlog');
    expect(await keeper.after(1)).toContain('execute-policy');
    expect((await fleet.group()).desired).toBe(3);
    expect(await keeper.after(1.5)).not.toContain('execute-policy');
    expect(callsOf(fleet, 'ExecutePolicy').map(({ input }) => input)).toMatchObject([
      { MetricValue: '3', BreachThreshold: '1' },
    ]);
  });

  test('a policy that was deleted and created again, with another ARN, is executed as well', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
    await fleet.call('autoscaling', 'DeletePolicy', {
      AutoScalingGroupName: GROUP,
      PolicyName: 'scale-out',
    });
    await scaleOutPolicy(fleet);
    await fleet.send('a');
    await keeper.after(0);
    expect(await keeper.after(1)).toContain('execute-policy');
    expect((await fleet.group()).desired).toBe(1);
  });

  test('the policy is not executed while AlarmNotification is suspended', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet);
    const scope = { AutoScalingGroupName: GROUP, ScalingProcesses: ['AlarmNotification'] };
    await fleet.call('autoscaling', 'SuspendProcesses', scope);
    await fleet.send('a');
    await keeper.after(0);
    expect(await keeper.after(2)).not.toContain('execute-policy');
    await fleet.call('autoscaling', 'ResumeProcesses', scope);
    expect(await keeper.after(3)).toContain('execute-policy');
  });

  test('the time of a backlog that comes and goes starts anew', async () => {
    const fleet = await open({ desired: 0 });
    const keeper = await createKeeper(fleet, { durationSeconds: 300 });
    await fleet.send('a');
    await keeper.after(0);
    await fleet.call('sqs', 'PurgeQueue', { QueueUrl: fleet.queueUrl });
    await keeper.after(4);
    expect(await fleet.item('fleet')).not.toHaveProperty('backlogSinceMs');
    await fleet.send('b');
    expect(await keeper.after(5)).not.toContain('execute-policy');
  });
});

describe('silent instances', () => {
  test('one that was never ready: its launch hook is completed, it is terminated, its termination hook is completed, and it is recorded', async () => {
    const fleet = await open();
    const [spec] = await fleet.launcher.booted(1);
    const instance = spec?.instanceId ?? '';
    const keeper = await createKeeper(fleet);
    expect(await keeper.after(19)).not.toContain('end-silent-instance');
    await keeper.after(21);
    expect((await fleet.group()).states).toEqual({ [instance]: 'InService' });
    await keeper.after(22);
    expect(await fleet.group()).toEqual({ desired: 0, states: { [instance]: 'Terminating:Wait' } });
    expect(await fleet.instanceRecord(instance)).toMatchObject({
      listing: 'instances',
      retirement: {
        reason: 'boot-failed',
        rung: 'terminate',
        problem: 'it was not ready 1200 s after its launch',
      },
    });
    await keeper.after(23);
    await keeper.after(24);
    expect((await fleet.group()).states).toEqual({});
    expect((await fleet.instanceRecord(instance)).listing).toBe('retired');
  });

  test('one that stopped reporting is ended, one that reports is not', async () => {
    const fleet = await open({ desired: 2, hooks: false });
    const specs = await fleet.launcher.booted(2);
    const [silent = '', alive = ''] = specs.map(({ instanceId }) => instanceId);
    const store = instancesOf(fleet);
    const readyAt = new Date().toISOString();
    for (const instance of [silent, alive]) await store.recordReady(instance, { readyAt }, Date.now());
    await store.recordReport(alive, Date.now() + 20 * 60_000);
    const keeper = await createKeeper(fleet);
    await keeper.after(21);
    const group = await fleet.group();
    expect(group.desired).toBe(1);
    expect(group.states[alive]).toBe('InService');
    expect((await fleet.instanceRecord(silent)).retirement).toMatchObject({
      reason: 'agent-crashed',
      problem: 'it did not report for 900 s',
    });
  });
});

test('one that was ended by mistake and still works may end its jobs in the hook', async () => {
  const fleet = await open();
  const [spec] = await fleet.launcher.booted(1);
  const instance = spec?.instanceId ?? '';
  const keeper = await createKeeper(fleet);
  await keeper.after(21);
  await keeper.after(22);
  expect((await fleet.group()).states).toEqual({ [instance]: 'Terminating:Wait' });
  const store = instancesOf(fleet);
  await store.recordReport(instance, Date.now() + 22 * 60_000);
  await keeper.after(23);
  expect((await fleet.group()).states).toEqual({ [instance]: 'Terminating:Wait' });
  expect(await fleet.instanceRecord(instance)).toMatchObject({ retirement: { reason: 'boot-failed' } });
});

test('one whose agent was stopped may end its jobs in the hook, until it stops reporting', async () => {
  const fleet = await open();
  const [spec] = await fleet.launcher.booted(1);
  const instance = spec?.instanceId ?? '';
  await inService(fleet, instance);
  await instancesOf(fleet).recordReport(instance, Date.now());
  await instancesOf(fleet).recordRetirement(instance, { ...retirement, reason: 'stopped' }, 'instances');
  await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
    InstanceId: instance,
    ShouldDecrementDesiredCapacity: true,
  });
  const keeper = await createKeeper(fleet);
  await keeper.after(0);
  expect((await fleet.group()).states).toEqual({ [instance]: 'Terminating:Wait' });
  await keeper.after(30);
  expect((await fleet.group()).states).toEqual({});
});

async function inService(fleet: Fleet, instance: string): Promise<void> {
  await eventually('the launch hook', async () => (await fleet.group()).states[instance] === 'Pending:Wait');
  await fleet.call('autoscaling', 'CompleteLifecycleAction', {
    AutoScalingGroupName: GROUP,
    LifecycleHookName: LAUNCH_HOOK,
    InstanceId: instance,
    LifecycleActionResult: 'CONTINUE',
  });
}

describe('capacity', () => {
  /** A group with a desired capacity that launches no instances. */
  async function openHeld(DesiredCapacity: number): Promise<Fleet> {
    const fleet = await open({ desired: 0 });
    const scope = { AutoScalingGroupName: GROUP };
    await fleet.call('autoscaling', 'SuspendProcesses', { ...scope, ScalingProcesses: ['Launch'] });
    await fleet.call('autoscaling', 'SetDesiredCapacity', { ...scope, DesiredCapacity });
    return fleet;
  }

  test('an instance that powered itself off is terminated with decrement', async () => {
    const fleet = await open({ hooks: false });
    const [spec] = await fleet.launcher.booted(1);
    const instance = spec?.instanceId ?? '';
    await instancesOf(fleet).recordRetirement(instance, retirement, 'instances');
    const keeper = await createKeeper(fleet);
    expect(await keeper.after(0)).toContain('terminate-retired');
    expect((await fleet.group()).desired).toBe(0);
  });

  test('one that is off and waits in its hook, with a successor: desired is set once, and the hook is completed', async () => {
    const fleet = await open();
    const [spec] = await fleet.launcher.booted(1);
    const instance = spec?.instanceId ?? '';
    await inService(fleet, instance);
    await instancesOf(fleet).recordRetirement(instance, retirement, 'instances');
    await fleet.instances.destroy(fleet.instances.get(instance));
    const [, successor] = await fleet.launcher.booted(2);
    expect((await fleet.group()).states[instance]).toBe('Terminating:Wait');
    const keeper = await createKeeper(fleet);
    expect(await keeper.after(0)).toEqual(
      expect.arrayContaining(['lower-desired', 'complete-termination-hook']),
    );
    const group = await fleet.group();
    expect(group.desired).toBe(0);
    expect(Object.keys(group.states)).toEqual([successor?.instanceId]);
    expect(await keeper.after(1)).not.toContain('lower-desired');
    expect((await fleet.instanceRecord(instance)).listing).toBe('retired');
  });

  test('one that is gone and not replaced: desired is set once', async () => {
    const fleet = await openHeld(3);
    await instancesOf(fleet).recordRetirement('i-0gone', retirement, 'instances');
    await instancesOf(fleet).recordRetirement(
      'i-0stopped',
      { ...retirement, reason: 'stopped' },
      'instances',
    );
    const keeper = await createKeeper(fleet);
    expect(await keeper.after(0)).toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(2);
    expect(await keeper.after(1)).not.toContain('lower-desired');
    expect((await fleet.instanceRecord('i-0gone')).listing).toBe('retired');
  });

  test('one that is gone and one that is off lower the capacity by two', async () => {
    const fleet = await open({ hooks: false });
    const [spec] = await fleet.launcher.booted(1);
    const scope = { AutoScalingGroupName: GROUP };
    await fleet.call('autoscaling', 'SuspendProcesses', { ...scope, ScalingProcesses: ['Launch'] });
    await fleet.call('autoscaling', 'SetDesiredCapacity', { ...scope, DesiredCapacity: 3 });
    for (const instance of ['i-0gone', spec?.instanceId ?? '']) {
      await instancesOf(fleet).recordRetirement(instance, retirement, 'instances');
    }
    const keeper = await createKeeper(fleet);
    expect(await keeper.after(0)).toEqual(expect.arrayContaining(['lower-desired', 'terminate-retired']));
    expect((await fleet.group()).desired).toBe(1);
  });

  test('a failed correction is repeated at the next run', async () => {
    const fleet = await openHeld(1);
    await instancesOf(fleet).recordRetirement('i-0gone', retirement, 'instances');
    const keeper = await createKeeper(fleet);
    const throttled = { action: 'SetDesiredCapacity', effect: { kind: 'throttle' } } as const;
    const fault = fleet.faults.add(throttled);
    await expect(keeper.after(0)).rejects.toThrow(/1 of \d actions failed/);
    fault.remove();
    expect(await keeper.after(1)).toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(0);
  });

  test('a machine outside the group that retires does not lower the capacity', async () => {
    const fleet = await openHeld(2);
    await instancesOf(fleet).recordRetirement('host-laptop-1234', retirement, 'instances');
    expect(await (await createKeeper(fleet)).after(0)).not.toContain('lower-desired');
    expect((await fleet.group()).desired).toBe(2);
  });
});

describe('the boot breaker', () => {
  async function failBoots(fleet: Fleet, count: number): Promise<void> {
    const specs = await fleet.launcher.booted(count);
    for (const { instanceId } of specs) {
      const why = { ...retirement, reason: 'worker-missing', rung: 'terminate' } as const;
      await instancesOf(fleet).recordRetirement(instanceId, why, 'instances');
    }
  }

  test('opens after three consecutive failures and stays open until the fleet is resumed', async () => {
    const fleet = await open({ desired: 3 });
    const keeper = await createKeeper(fleet);
    await failBoots(fleet, 2);
    expect(await keeper.after(0)).not.toContain('trip-breaker');
    await failBoots(fleet, 3);
    expect(await keeper.after(1)).toContain('trip-breaker');
    expect(await keeper.suspended()).toContain('Launch');
    expect(callsOf(fleet, 'PutMetricData').at(-1)?.input).toMatchObject({ MetricData: [{ Value: 1 }] });
    await fleet.send('a');
    await keeper.after(2);
    expect(await keeper.after(3)).toEqual(['report-breaker']);
    expect(await keeper.after(4)).toEqual(['report-breaker']);
    await resumeFleet(createContext(fleet));
    expect(await keeper.suspended()).not.toContain('Launch');
    expect(await keeper.after(5)).toEqual(expect.arrayContaining(['report-breaker', 'execute-policy']));
    expect(callsOf(fleet, 'PutMetricData').at(-1)?.input).toMatchObject({ MetricData: [{ Value: 0 }] });
    expect(await keeper.after(6)).not.toContain('report-breaker');
  });

  test('opens for agents that ended before they were ready, and left only their fatal error', async () => {
    const fleet = await open({ desired: 3, hooks: false });
    const keeper = await createKeeper(fleet);
    for (const { instanceId: InstanceId } of await fleet.launcher.booted(3)) {
      await instancesOf(fleet).recordFatalError(InstanceId, 'TypeError: no such thing');
      const ShouldDecrementDesiredCapacity = true;
      await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
        ...{ InstanceId, ShouldDecrementDesiredCapacity },
      });
    }
    await eventually('their ends', async () => Object.keys((await fleet.group()).states).length === 0);
    expect(await keeper.after(3)).toContain('trip-breaker');
  });

  test('counts instances that broke with the same job once', async () => {
    const fleet = await open({ desired: 3 });
    const keeper = await createKeeper(fleet);
    const instances = (await fleet.launcher.booted(3)).map(({ instanceId }) => instanceId);
    const breakWith = async (...jobs: string[]) => {
      for (const [index, instance] of instances.entries()) {
        const why = {
          ...retirement,
          reason: 'unhealthy',
          rung: 'terminate',
          jobsDone: 0,
          job: jobs[index] ?? '',
        } as const;
        await instancesOf(fleet).recordRetirement(instance, why, 'instances');
      }
    };
    await breakWith('m-1', 'm-1', 'm-1');
    expect(await keeper.after(0)).not.toContain('trip-breaker');
    await breakWith('m-1', 'm-2', 'm-3');
    expect(await keeper.after(1)).toContain('trip-breaker');
  });

  /** Launches this many instances and terminates them again, without a record in the table. */
  async function comeAndGo(fleet: Fleet, count: number): Promise<string[]> {
    const ids = (await fleet.launcher.booted(count)).map(({ instanceId }) => instanceId);
    for (const InstanceId of ids) {
      const terminate = { InstanceId, ShouldDecrementDesiredCapacity: true };
      await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', terminate);
    }
    await eventually('them to be gone', async () => Object.keys((await fleet.group()).states).length === 0);
    return ids;
  }

  test('counts instances that ended without a record, after a delay, and only as long as records are kept', async () => {
    const fleet = await open({ desired: 3, hooks: false });
    const keeper = await createKeeper(fleet, { recordSeconds: 60 });
    await comeAndGo(fleet, 3);
    expect(await keeper.after(1)).not.toContain('trip-breaker');
    expect(await keeper.after(25 * 60)).not.toContain('trip-breaker');
    expect(await keeper.after(5)).toContain('trip-breaker');
  });

  test('does not count earlier launches while more instances boot than it can look up', async () => {
    const fleet = await open({ desired: 3, hooks: false });
    const ids = await comeAndGo(fleet, 3);
    const readyAt = new Date().toISOString();
    for (const instance of ids) {
      await instancesOf(fleet).recordReady(instance, { readyAt }, Date.now());
      await instancesOf(fleet).recordRetirement(instance, { ...retirement, rung: 'terminate' }, 'retired');
    }
    const scope = { AutoScalingGroupName: GROUP };
    await fleet.call('autoscaling', 'UpdateAutoScalingGroup', { ...scope, MaxSize: 30 });
    await fleet.call('autoscaling', 'SetDesiredCapacity', { ...scope, DesiredCapacity: 25 });
    await fleet.launcher.booted(28);
    expect(await (await createKeeper(fleet)).after(5)).not.toContain('trip-breaker');
  });

  test('launches that an operator resumed in the console count as resumed', async () => {
    const fleet = await open({ desired: 3 });
    const keeper = await createKeeper(fleet);
    await failBoots(fleet, 3);
    await keeper.after(0);
    const scope = { AutoScalingGroupName: GROUP, ScalingProcesses: ['Launch'] };
    await fleet.call('autoscaling', 'ResumeProcesses', scope);
    expect(await keeper.after(1)).toContain('reset-breaker');
    expect(await keeper.after(2)).not.toContain('trip-breaker');
    expect(await keeper.suspended()).not.toContain('Launch');
  });
});
