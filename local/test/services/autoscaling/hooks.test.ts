import {
  CompleteLifecycleActionCommand,
  DeleteLifecycleHookCommand,
  DescribeLifecycleHooksCommand,
  PutLifecycleHookCommand,
  RecordLifecycleActionHeartbeatCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GroupCloud, startGroupCloud } from '../../support/group-cloud.ts';

let fleet: GroupCloud;
beforeEach(async () => {
  fleet = await startGroupCloud();
});
afterEach(() => fleet.close());

const up = { LifecycleHookName: 'up', LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING' };
const down = { LifecycleHookName: 'down', LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING' };

const complete = (InstanceId: string | undefined, name: string, result: 'CONTINUE' | 'ABANDON') =>
  fleet.autoScaling.send(
    new CompleteLifecycleActionCommand({
      AutoScalingGroupName: 'workers',
      LifecycleHookName: name,
      LifecycleActionResult: result,
      InstanceId,
    }),
  );

const beat = (InstanceId: string | undefined, LifecycleHookName: string) =>
  fleet.autoScaling.send(
    new RecordLifecycleActionHeartbeatCommand({
      AutoScalingGroupName: 'workers',
      LifecycleHookName,
      InstanceId,
    }),
  );

const retire = (InstanceId: string | undefined) =>
  fleet.autoScaling.send(
    new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity: true }),
  );

describe('a launch hook', () => {
  test('keeps the instance waiting until it is completed', async () => {
    await fleet.createGroup({ DesiredCapacity: 1, LifecycleHookSpecificationList: [up] });
    const [first] = await fleet.reach('Pending:Wait');
    expect((await fleet.activities())[0]?.StatusCode).toBe('MidLifecycleAction');
    await complete(first, 'up', 'CONTINUE');
    await fleet.reach('InService');
    expect((await fleet.activities())[0]?.StatusCode).toBe('Successful');
  });

  test('when abandoned, terminates the instance, and another one is launched', async () => {
    await fleet.createGroup({ DesiredCapacity: 1, LifecycleHookSpecificationList: [up] });
    const [first] = await fleet.reach('Pending:Wait');
    await complete(first, 'up', 'ABANDON');
    await expect.poll(async () => Object.keys(await fleet.states())).not.toContain(first);
    await fleet.reach('Pending:Wait');
    expect(await fleet.desired()).toBe(1);
  });

  test('an instance that ends before it is in service is replaced, after a pause', async () => {
    await fleet.createGroup({ DesiredCapacity: 1, LifecycleHookSpecificationList: [up] });
    const [first = ''] = await fleet.reach('Pending:Wait');
    await fleet.cloud.instances.destroy(fleet.cloud.instances.get(first));
    await fleet.reach();
    await fleet.clock.advance(29_999);
    expect(await fleet.states()).toEqual({});
    await fleet.clock.advance(1);
    await fleet.reach('Pending:Wait');
  });

  test('a waiting instance cannot be terminated by request, as its launch is in progress', async () => {
    await fleet.createGroup({ DesiredCapacity: 1, LifecycleHookSpecificationList: [up] });
    const [first] = await fleet.reach('Pending:Wait');
    await expect(retire(first)).rejects.toMatchObject({ name: 'ScalingActivityInProgressFault' });
  });

  test.each([
    ['CONTINUE', 'InService', 1],
    ['ABANDON', 'Pending:Wait', 2],
  ] as const)(
    'without an answer ends with its default result, %s',
    async (DefaultResult, state, machines) => {
      const hook = { ...up, DefaultResult, HeartbeatTimeout: 30 };
      await fleet.createGroup({ DesiredCapacity: 1, LifecycleHookSpecificationList: [hook] });
      await fleet.clock.advance(29_999);
      await fleet.reach('Pending:Wait');
      await fleet.clock.advance(1);
      await fleet.reach(state);
      expect(fleet.cloud.instances.all()).toHaveLength(machines);
    },
  );
});

describe('a termination hook', () => {
  const settings = {
    DesiredCapacity: 1,
    LifecycleHookSpecificationList: [{ ...down, HeartbeatTimeout: 60 }],
  };

  test.each(['CONTINUE', 'ABANDON'] as const)(
    'ends with %s: the instance is terminated in both cases',
    async (result) => {
      await fleet.createGroup(settings);
      const [first = ''] = await fleet.reach('InService');
      await retire(first);
      expect(await fleet.reach('Terminating:Wait')).toEqual([first]);
      expect(fleet.cloud.instances.get(first).state).toBe('running');
      await complete(first, 'down', result);
      await fleet.reach();
      expect(fleet.cloud.instances.get(first).state).toBe('terminated');
    },
  );

  test('can be completed only while the instance waits', async () => {
    await fleet.createGroup(settings);
    const [first] = await fleet.reach('InService');
    await expect(complete(first, 'down', 'CONTINUE')).rejects.toMatchObject({
      name: 'ValidationError',
      message: `No active Lifecycle Action found with instance ID ${first}`,
    });
  });

  test('is extended by heartbeats', async () => {
    await fleet.createGroup(settings);
    const [first] = await fleet.reach('InService');
    await retire(first);
    await fleet.clock.advance(50_000);
    await beat(first, 'down');
    await fleet.clock.advance(50_000);
    await fleet.reach('Terminating:Wait');
    await fleet.clock.advance(10_000);
    await fleet.reach();
  });

  test('is extended by at most a hundred heartbeats', async () => {
    await fleet.createGroup(settings);
    const [first] = await fleet.reach('InService');
    await retire(first);
    for (let beats = 0; beats < 119; beats += 1) {
      await fleet.clock.advance(50_000);
      await beat(first, 'down');
    }
    await fleet.reach('Terminating:Wait');
    await fleet.clock.advance(50_000);
    await fleet.reach();
  });

  test("keeps the group's instance whose EC2 instance has already ended", async () => {
    await fleet.createGroup(settings);
    const [first = ''] = await fleet.reach('InService');
    await retire(first);
    await fleet.cloud.instances.destroy(fleet.cloud.instances.get(first));
    await fleet.reach('Terminating:Wait');
    await complete(first, 'down', 'CONTINUE');
    await fleet.reach();
  });
});

test('all hooks of a transition must be completed', async () => {
  const hooks = [up, { ...up, LifecycleHookName: 'up-too' }];
  await fleet.createGroup({ DesiredCapacity: 1, LifecycleHookSpecificationList: hooks });
  const [first] = await fleet.reach('Pending:Wait');
  await complete(first, 'up', 'CONTINUE');
  await fleet.reach('Pending:Wait');
  await complete(first, 'up-too', 'CONTINUE');
  await fleet.reach('InService');
});

test('a hook is added, shown with its global time-out, and deleted with its lifecycle actions', async () => {
  await fleet.createGroup();
  const AutoScalingGroupName = 'workers';
  await fleet.autoScaling.send(
    new PutLifecycleHookCommand({ AutoScalingGroupName, ...up, HeartbeatTimeout: 7200 }),
  );
  const { LifecycleHooks } = await fleet.autoScaling.send(
    new DescribeLifecycleHooksCommand({ AutoScalingGroupName }),
  );
  expect(LifecycleHooks).toMatchObject([
    { ...up, HeartbeatTimeout: 7200, GlobalTimeout: 172_800, DefaultResult: 'ABANDON' },
  ]);
  const gone = { AutoScalingGroupName, LifecycleHookName: 'up' };
  await fleet.autoScaling.send(new DeleteLifecycleHookCommand(gone));
  await expect(fleet.autoScaling.send(new DeleteLifecycleHookCommand(gone))).rejects.toMatchObject({
    name: 'ValidationError',
  });
});

test.each([
  [29, /HeartbeatTimeout/],
  [7201, /HeartbeatTimeout/],
])('a heartbeat time-out of %d is refused', async (HeartbeatTimeout, message) => {
  await fleet.createGroup();
  const hook = new PutLifecycleHookCommand({ AutoScalingGroupName: 'workers', ...up, HeartbeatTimeout });
  await expect(fleet.autoScaling.send(hook)).rejects.toThrow(message);
});
