import {
  CompleteLifecycleActionCommand,
  DeleteAutoScalingGroupCommand,
  DeleteWarmPoolCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeWarmPoolCommand,
  PutWarmPoolCommand,
  type PutWarmPoolCommandInput,
  ResumeProcessesCommand,
  SetDesiredCapacityCommand,
  SetInstanceHealthCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateVersionCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Group, WarmPool } from '../../../services/autoscaling/group.ts';
import { wantedWarmPoolSize } from '../../../services/autoscaling/warm-pool.ts';
import { type GroupCloud, startGroupCloud } from '../../support/group-cloud.ts';

const AutoScalingGroupName = 'workers';
const hook = (name: string, transition: string) => ({
  LifecycleHookName: name,
  LifecycleTransition: `autoscaling:EC2_INSTANCE_${transition}`,
});
const up = hook('up', 'LAUNCHING');
const down = hook('down', 'TERMINATING');

let fleet: GroupCloud;
beforeEach(async () => {
  fleet = await startGroupCloud();
});
afterEach(() => fleet.close());

const put = (settings: Partial<PutWarmPoolCommandInput>) =>
  fleet.autoScaling.send(new PutWarmPoolCommand({ AutoScalingGroupName, ...settings }));

const pool = () => fleet.autoScaling.send(new DescribeWarmPoolCommand({ AutoScalingGroupName }));

/** Resolves with the ids when the instances of the pool have these states, in any order. */
async function wait(...states: string[]): Promise<string[]> {
  const instances = async () => (await pool()).Instances ?? [];
  await expect
    .poll(async () => (await instances()).map((one) => one.LifecycleState).sort())
    .toEqual(states.sort());
  return (await instances()).map(({ InstanceId = '' }) => InstanceId);
}

const desire = (DesiredCapacity: number) =>
  fleet.autoScaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity }));

const complete = (InstanceId: string | undefined, { LifecycleHookName }: typeof up, result = 'CONTINUE') =>
  fleet.autoScaling.send(
    new CompleteLifecycleActionCommand({
      ...{ AutoScalingGroupName, LifecycleHookName, InstanceId, LifecycleActionResult: result },
    }),
  );

const machine = (id: string) => fleet.cloud.instances.get(id);
const target = (id: string) => machine(id).notices.targetLifecycleState;
const descriptions = async () => (await fleet.activities()).map(({ Description }) => Description);

describe('the size of a warm pool ("PutWarmPool")', () => {
  const sizes = (desiredCapacity: number, given: Partial<WarmPool>) => {
    const warmPool = { minSize: 0, maxPrepared: undefined, deleting: false, ...given } as WarmPool;
    return wantedWarmPoolSize({ maxSize: 5, desiredCapacity, warmPool } as Group);
  };

  test.each<[string, number, Partial<WarmPool>, number]>([
    ['by default the maximum minus the desired capacity', 2, {}, 3],
    ['none at the maximum', 5, {}, 0],
    ['of another maximum, if one is given', 1, { maxPrepared: 2 }, 1],
    ['none when more than the maximum are desired', 4, { maxPrepared: 2 }, 0],
    ['at least the minimum', 5, { minSize: 2 }, 2],
    ['a fixed size, if both are the same', 3, { minSize: 1, maxPrepared: 1 }, 1],
    ['none of a pool that is being deleted', 0, { minSize: 2, deleting: true }, 0],
  ])('%s', (_what, desired, given, wanted) => {
    expect(sizes(desired, given)).toBe(wanted);
  });
});

test('an instance boots, passes the launch hook, is stopped and waits; the group has no instance', async () => {
  await fleet.createGroup({ LifecycleHookSpecificationList: [up] });
  await put({ MinSize: 1, MaxGroupPreparedCapacity: 1 });
  const [id = ''] = await wait('Warmed:Pending:Wait');
  expect([machine(id).state, target(id)]).toEqual(['running', 'Warmed:Stopped']);
  await complete(id, up);
  await wait('Warmed:Stopped');
  expect(machine(id).state).toBe('stopped');
  expect(await descriptions()).toEqual([`Launching a new EC2 instance into warm pool: ${id}`]);
  const { AutoScalingGroups } = await fleet.autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
  expect(AutoScalingGroups?.[0]).toMatchObject({ DesiredCapacity: 0, Instances: [], WarmPoolSize: 1 });
  expect(AutoScalingGroups?.[0]?.WarmPoolConfiguration).toEqual({
    ...{ MinSize: 1, MaxGroupPreparedCapacity: 1, PoolState: 'Stopped' },
    InstanceReusePolicy: { ReuseOnScaleIn: false },
  });
  const described = await fleet.autoScaling.send(new DescribeAutoScalingInstancesCommand({}));
  expect(described.AutoScalingInstances).toMatchObject([
    { InstanceId: id, LifecycleState: 'Warmed:Stopped' },
  ]);
});

test('a scale-out draws it: it starts, passes the launch hook again, and the pool is refilled', async () => {
  await fleet.createGroup({ LifecycleHookSpecificationList: [up] });
  await put({ MinSize: 1, MaxGroupPreparedCapacity: 1 });
  const [id = ''] = await wait('Warmed:Pending:Wait');
  const firstLaunch = machine(id).launchedAt.getTime();
  await complete(id, up);
  await wait('Warmed:Stopped');
  await fleet.clock.advance(60_000);
  await desire(2);
  // One is drawn, as only one waits. The other is launched.
  const group = await fleet.reach('Pending:Wait', 'Pending:Wait');
  expect(group).toContain(id);
  expect([machine(id).state, target(id)]).toEqual(['running', 'InService']);
  expect(machine(id).launchedAt.getTime()).toBe(firstLaunch + 60_000);
  const [other] = await wait('Warmed:Pending:Wait');
  expect(group).not.toContain(other);
  await complete(id, up);
  await fleet.reach('InService', 'Pending:Wait');
  const ended = (await fleet.activities()).filter(({ StatusCode }) => StatusCode === 'Successful');
  expect(ended.map(({ Description }) => Description)).toEqual([
    `Launching a new EC2 instance from warm pool: ${id}`,
    `Launching a new EC2 instance into warm pool: ${id}`,
  ]);
  expect(ended[0]?.Cause).toMatch(/desired capacity from 0 to 2.*increasing the capacity from 0 to 1/s);
});

test('the instances of a running pool are not stopped, and are in service after the hook', async () => {
  await fleet.createGroup({ DesiredCapacity: 1 });
  await put({ MaxGroupPreparedCapacity: 3, PoolState: 'Running' });
  const [first = '', second = ''] = await wait('Warmed:Running', 'Warmed:Running');
  expect([first, second].map((id) => [machine(id).state, target(id)])).toEqual([
    ['running', 'Warmed:Running'],
    ['running', 'Warmed:Running'],
  ]);
  await desire(2);
  await fleet.reach('InService', 'InService');
  // The maximum is three, and two of them are desired now, so the drawn one is not replaced.
  await wait('Warmed:Running');
});

test('while launches are suspended none is added and none is drawn', async () => {
  await fleet.createGroup();
  const process = { AutoScalingGroupName, ScalingProcesses: ['Launch'] };
  await put({ MinSize: 1, PoolState: 'Running', MaxGroupPreparedCapacity: 1 });
  await wait('Warmed:Running');
  await fleet.autoScaling.send(new SuspendProcessesCommand(process));
  await desire(1);
  await put({ MinSize: 2 });
  await wait('Warmed:Running');
  expect(await fleet.states()).toEqual({});
  await fleet.autoScaling.send(new ResumeProcessesCommand(process));
  await fleet.reach('InService');
  await wait('Warmed:Running', 'Warmed:Running');
});

test('an instance of the pool cannot be terminated through the group', async () => {
  await fleet.createGroup();
  await put({ MinSize: 1, MaxGroupPreparedCapacity: 1 });
  const [InstanceId = ''] = await wait('Warmed:Stopped');
  const input = { InstanceId, ShouldDecrementDesiredCapacity: false };
  const refused = fleet.autoScaling.send(new TerminateInstanceInAutoScalingGroupCommand(input));
  await expect(refused).rejects.toThrow(`The instance ${InstanceId} is in the warm pool`);
});

test('an unhealthy, ended or abandoned instance is replaced', async () => {
  await fleet.createGroup({ LifecycleHookSpecificationList: [up] });
  await put({ MinSize: 1, MaxGroupPreparedCapacity: 1, PoolState: 'Running' });
  const [first = ''] = await wait('Warmed:Pending:Wait');
  await complete(first, up, 'ABANDON');
  await expect.poll(async () => (await pool()).Instances?.[0]?.InstanceId).not.toBe(first);
  const [second = ''] = await wait('Warmed:Pending:Wait');
  await complete(second, up);
  await wait('Warmed:Running');
  const sick = { InstanceId: second, HealthStatus: 'Unhealthy' };
  await fleet.autoScaling.send(new SetInstanceHealthCommand(sick));
  const [third = ''] = await wait('Warmed:Pending:Wait');
  await complete(third, up);
  await wait('Warmed:Running');
  await fleet.cloud.instances.destroy(machine(third));
  const [fourth] = await wait('Warmed:Pending:Wait');
  expect(new Set([first, second, third, fourth]).size).toBe(4);
  expect(await descriptions()).toContain(`Terminating EC2 instance from warm pool: ${third}`);
  expect(await fleet.desired()).toBe(0);
});

test('a scale-out draws no more than desired, even if each drawn one is in service at once', async () => {
  await fleet.createGroup();
  await put({ MaxGroupPreparedCapacity: 3, PoolState: 'Running' });
  await wait('Warmed:Running', 'Warmed:Running', 'Warmed:Running');
  await desire(3);
  const launched = (await descriptions()).map((what) => what?.replace(/: .*/, ''));
  expect(launched).toEqual([
    ...Array(3).fill('Launching a new EC2 instance from warm pool'),
    ...Array(3).fill('Launching a new EC2 instance into warm pool'),
  ]);
  await fleet.reach('InService', 'InService', 'InService');
});

test('surplus instances are terminated with the hook, those of the oldest template first', async () => {
  await fleet.createGroup({ LifecycleHookSpecificationList: [down] });
  await put({ MinSize: 2, MaxGroupPreparedCapacity: 2, PoolState: 'Running' });
  const [first = '', second = ''] = await wait('Warmed:Running', 'Warmed:Running');
  await fleet.ec2.send(
    new CreateLaunchTemplateVersionCommand({
      LaunchTemplateName: 'template',
      LaunchTemplateData: { ImageId: 'ami-2', InstanceType: 't3.small' },
    }),
  );
  await put({ MinSize: 3, MaxGroupPreparedCapacity: 3 });
  const all = await wait('Warmed:Running', 'Warmed:Running', 'Warmed:Running');
  await put({ MinSize: 2, MaxGroupPreparedCapacity: 2 });
  await wait('Warmed:Running', 'Warmed:Running', 'Warmed:Terminating:Wait');
  expect(target(first)).toBe('Warmed:Terminated');
  await complete(first, down);
  const [newest = ''] = all.filter((id) => id !== first && id !== second);
  expect((await wait('Warmed:Running', 'Warmed:Running')).sort()).toEqual([second, newest].sort());
  await expect.poll(() => machine(first).state).toBe('terminated');
});

test('a deleted pool terminates its instances, with their hooks or at once, and the group stays the same', async () => {
  await fleet.createGroup({ LifecycleHookSpecificationList: [down] });
  await put({ MinSize: 1, MaxGroupPreparedCapacity: 1 });
  const [id] = await wait('Warmed:Stopped');
  await fleet.autoScaling.send(new DeleteWarmPoolCommand({ AutoScalingGroupName }));
  await wait('Warmed:Terminating:Wait');
  expect((await pool()).WarmPoolConfiguration?.Status).toBe('PendingDelete');
  await expect(put({ MinSize: 2 })).rejects.toThrow('pending delete');
  await complete(id, down);
  await wait();
  expect((await pool()).WarmPoolConfiguration).toBeUndefined();

  await put({ MinSize: 1, MaxGroupPreparedCapacity: 1 });
  await wait('Warmed:Stopped');
  await fleet.autoScaling.send(new DeleteWarmPoolCommand({ AutoScalingGroupName, ForceDelete: true }));
  await wait();
  await expect(fleet.autoScaling.send(new DeleteWarmPoolCommand({ AutoScalingGroupName }))).rejects.toThrow(
    'No warm pool found',
  );
});

test('a group can be deleted with its warm pool only with force', async () => {
  await fleet.createGroup();
  await put({ MinSize: 1, MaxGroupPreparedCapacity: 1 });
  const [id = ''] = await wait('Warmed:Stopped');
  const remove = (ForceDelete: boolean) =>
    fleet.autoScaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName, ForceDelete }));
  await expect(remove(false)).rejects.toThrow(
    'You cannot delete an AutoScalingGroup while there are instances',
  );
  await remove(true);
  await expect.poll(() => machine(id).state).toBe('terminated');
  await expect
    .poll(
      async () => (await fleet.autoScaling.send(new DescribeAutoScalingGroupsCommand({}))).AutoScalingGroups,
    )
    .toEqual([]);
});

test.each<[string, Partial<PutWarmPoolCommandInput>]>([
  ['Hibernated', { PoolState: 'Hibernated' }],
  ['ReuseOnScaleIn', { InstanceReusePolicy: { ReuseOnScaleIn: true } }],
])('refuses %s by name', async (name, settings) => {
  await fleet.createGroup();
  await expect(put(settings)).rejects.toThrow(`${name} is not implemented here`);
  expect((await pool()).WarmPoolConfiguration).toBeUndefined();
});
