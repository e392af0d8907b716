import {
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingInstancesCommand,
  SetDesiredCapacityCommand,
  SetInstanceHealthCommand,
  SetInstanceProtectionCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GroupCloud, startGroupCloud } from '../../support/group-cloud.ts';

let fleet: GroupCloud;
beforeEach(async () => {
  fleet = await startGroupCloud();
});
afterEach(() => fleet.close());

const terminate = (InstanceId: string | undefined, ShouldDecrementDesiredCapacity: boolean) =>
  fleet.autoScaling.send(
    new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity }),
  );

describe('TerminateInstanceInAutoScalingGroup', () => {
  test('with decrement, the instance is terminated and not replaced', async () => {
    await fleet.createGroup({ DesiredCapacity: 2 });
    const [first, second = ''] = await fleet.reach('InService', 'InService');
    const { Activity } = await terminate(first, true);
    expect(Activity).toMatchObject({
      StatusCode: 'InProgress',
      Description: `Terminating EC2 instance: ${first}`,
    });
    expect(Activity?.Cause).toMatch(
      new RegExp(
        `^At \\S+Z instance ${first} was taken out of service in response to a user request, shrinking the capacity from 2 to 1\\.$`,
      ),
    );
    expect(await fleet.reach('InService')).toEqual([second]);
    expect(await fleet.desired()).toBe(1);
  });

  test('without decrement, another one replaces it', async () => {
    await fleet.createGroup({ DesiredCapacity: 1 });
    const [first] = await fleet.reach('InService');
    await terminate(first, false);
    const [second] = await fleet.reach('InService');
    expect(second).not.toBe(first);
    expect(await fleet.desired()).toBe(1);
  });

  test('decrement below the minimum is refused by the desired capacity, not by the running instances', async () => {
    await fleet.createGroup({ DesiredCapacity: 2, MinSize: 1, NewInstancesProtectedFromScaleIn: true });
    // Protected instances stay: two run, and one is desired.
    const smaller = { AutoScalingGroupName: 'workers', DesiredCapacity: 1 };
    await fleet.autoScaling.send(new SetDesiredCapacityCommand(smaller));
    const [first] = await fleet.reach('InService', 'InService');
    await expect(terminate(first, true)).rejects.toMatchObject({
      name: 'ValidationError',
      message:
        "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min size constraint. " +
        "Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
    });
    await terminate(first, false);
    await fleet.reach('InService');
  });

  test('with decrement during an update of the group, the update does not revert it', async () => {
    await fleet.createGroup({ DesiredCapacity: 2 });
    const [first, second = ''] = await fleet.reach('InService', 'InService');
    const { call } = fleet.cloud;
    const LaunchTemplate = { LaunchTemplateName: 'template', Version: '1' };
    const updated = call('autoscaling', 'UpdateAutoScalingGroup', {
      ...{ AutoScalingGroupName: 'workers', MaxSize: 4, LaunchTemplate },
    });
    await call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      ...{ InstanceId: first, ShouldDecrementDesiredCapacity: true },
    });
    await updated;
    expect(await fleet.reach('InService')).toEqual([second]);
    expect(await fleet.desired()).toBe(1);
  });

  test('for a terminating instance, answers that an activity is in progress', async () => {
    const LifecycleTransition = 'autoscaling:EC2_INSTANCE_TERMINATING';
    const hook = { LifecycleHookName: 'down', LifecycleTransition };
    await fleet.createGroup({ DesiredCapacity: 1, LifecycleHookSpecificationList: [hook] });
    const [first] = await fleet.reach('InService');
    const { Activity } = await terminate(first, true);
    await expect(terminate(first, true)).rejects.toMatchObject({
      name: 'ScalingActivityInProgressFault',
      message: `Activity ${Activity?.ActivityId} is in progress.`,
    });
  });

  test('an instance that is in no group is not found', async () => {
    await expect(terminate('i-0123456789abcdef0', true)).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'Instance Id not found - No managed instance found for instance ID: i-0123456789abcdef0',
    });
  });
});

describe('health', () => {
  test('an instance whose EC2 instance has ended is replaced', async () => {
    await fleet.createGroup({ DesiredCapacity: 1 });
    const [first = ''] = await fleet.reach('InService');
    await fleet.cloud.instances.destroy(fleet.cloud.instances.get(first));
    const [second] = await fleet.reach('InService');
    expect(second).not.toBe(first);
    const causes = (await fleet.activities()).map(({ Cause }) => Cause);
    expect(causes[0]).toMatch(
      /an instance was launched in response to an unhealthy instance needing to be replaced/,
    );
    expect(causes[1]).toMatch(
      /in response to an EC2 health check indicating it has been terminated or stopped/,
    );
  });

  test('an ended instance is not replaced if the desired capacity has fallen', async () => {
    await fleet.createGroup({ DesiredCapacity: 2, NewInstancesProtectedFromScaleIn: true });
    const [first = ''] = await fleet.reach('InService', 'InService');
    await fleet.autoScaling.send(
      new SetDesiredCapacityCommand({ AutoScalingGroupName: 'workers', DesiredCapacity: 1 }),
    );
    await fleet.cloud.instances.destroy(fleet.cloud.instances.get(first));
    await fleet.reach('InService');
    expect(fleet.cloud.instances.all()).toHaveLength(2);
  });

  test('SetInstanceHealth replaces at once', async () => {
    await fleet.createGroup({ DesiredCapacity: 1 });
    const [first] = await fleet.reach('InService');
    await fleet.autoScaling.send(
      new SetInstanceHealthCommand({ InstanceId: first, HealthStatus: 'Unhealthy' }),
    );
    const [second] = await fleet.reach('InService');
    expect(second).not.toBe(first);
  });

  test('SetInstanceHealth respects the grace period, unless ShouldRespectGracePeriod is false', async () => {
    await fleet.createGroup({ DesiredCapacity: 1, HealthCheckGracePeriod: 60 });
    const [InstanceId] = await fleet.reach('InService');
    const sick = (ShouldRespectGracePeriod?: boolean) =>
      fleet.autoScaling.send(
        new SetInstanceHealthCommand({ InstanceId, HealthStatus: 'Unhealthy', ShouldRespectGracePeriod }),
      );
    await sick();
    expect(Object.keys(await fleet.states())).toEqual([InstanceId]);
    await sick(false);
    await expect.poll(async () => Object.keys(await fleet.states())).not.toContain(InstanceId);
  });

  test('without ReplaceUnhealthy an unhealthy instance stays, and is marked', async () => {
    await fleet.createGroup({ DesiredCapacity: 1 });
    const [first] = await fleet.reach('InService');
    const suspend = { AutoScalingGroupName: 'workers', ScalingProcesses: ['ReplaceUnhealthy'] };
    await fleet.autoScaling.send(new SuspendProcessesCommand(suspend));
    await fleet.autoScaling.send(
      new SetInstanceHealthCommand({ InstanceId: first, HealthStatus: 'Unhealthy' }),
    );
    const { AutoScalingInstances } = await fleet.autoScaling.send(
      new DescribeAutoScalingInstancesCommand({}),
    );
    expect(AutoScalingInstances).toMatchObject([{ LifecycleState: 'InService', HealthStatus: 'UNHEALTHY' }]);
  });
});

describe('scale-in', () => {
  test('terminates only unprotected instances', async () => {
    await fleet.createGroup({ DesiredCapacity: 3, NewInstancesProtectedFromScaleIn: true });
    const [first, second] = await fleet.reach('InService', 'InService', 'InService');
    const set = (InstanceIds: string[], ProtectedFromScaleIn: boolean) =>
      fleet.autoScaling.send(
        new SetInstanceProtectionCommand({
          AutoScalingGroupName: 'workers',
          InstanceIds,
          ProtectedFromScaleIn,
        }),
      );
    await set([first ?? ''], false);
    await fleet.autoScaling.send(
      new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: 'workers', MaxSize: 1 }),
    );
    expect(await fleet.reach('InService', 'InService')).not.toContain(first);
    expect(await fleet.desired()).toBe(1);
    const instances = await fleet.reach('InService', 'InService');
    expect(instances).toContain(second);
  });

  test('spreads launches over the zones', async () => {
    await fleet.createGroup({ DesiredCapacity: 3 });
    const { Reservations } = await fleet.ec2.send(new DescribeInstancesCommand({}));
    const zones = Reservations?.flatMap(({ Instances }) =>
      Instances?.map((one) => one.Placement?.AvailabilityZone),
    );
    expect(zones?.sort()).toEqual(['us-east-1a', 'us-east-1b', 'us-east-1c']);
  });

  test.each([
    ['another instance is terminated when a zone has become empty', false, 6],
    ['none is terminated while AZRebalance is suspended', true, 5],
  ])('%s', async (_, suspended, machines) => {
    await fleet.createGroup({ DesiredCapacity: 5 });
    const alone = fleet.cloud.instances
      .all()
      .find(({ availabilityZone }) => availabilityZone === 'us-east-1c');
    const suspend = { AutoScalingGroupName: 'workers', ScalingProcesses: ['AZRebalance'] };
    if (suspended) await fleet.autoScaling.send(new SuspendProcessesCommand(suspend));
    await terminate(alone?.id, true);
    const zones = () => {
      const running = fleet.cloud.instances.all().filter(({ state }) => state === 'running');
      return running.map(({ availabilityZone }) => availabilityZone.at(-1)).sort();
    };
    const balanced = suspended ? ['a', 'a', 'b', 'b'] : expect.arrayContaining(['a', 'b', 'c']);
    await expect.poll(zones).toEqual(balanced);
    await fleet.reach('InService', 'InService', 'InService', 'InService');
    expect(fleet.cloud.instances.all()).toHaveLength(machines);
  });
});

describe('DeleteAutoScalingGroup', () => {
  test('is refused while there are instances', async () => {
    await fleet.createGroup({ DesiredCapacity: 1 });
    await expect(
      fleet.autoScaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: 'workers' })),
    ).rejects.toMatchObject({ name: 'ResourceInUseFault' });
  });

  test('with force terminates protected instances too, without their hooks', async () => {
    const LifecycleTransition = 'autoscaling:EC2_INSTANCE_TERMINATING';
    const hook = { LifecycleHookName: 'down', LifecycleTransition };
    const settings = { NewInstancesProtectedFromScaleIn: true, LifecycleHookSpecificationList: [hook] };
    await fleet.createGroup({ DesiredCapacity: 2, ...settings });
    await fleet.autoScaling.send(
      new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: 'workers', ForceDelete: true }),
    );
    await expect
      .poll(() => fleet.cloud.instances.all().map(({ state }) => state))
      .toEqual(['terminated', 'terminated']);
    expect(await fleet.desired()).toBeUndefined();
  });
});
