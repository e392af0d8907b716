import {
  DeletePolicyCommand,
  DescribePoliciesCommand,
  ExecutePolicyCommand,
  PutScalingPolicyCommand,
  type PutScalingPolicyCommandInput,
  ResumeProcessesCommand,
  SetDesiredCapacityCommand,
  SuspendProcessesCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateVersionCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GroupCloud, startGroupCloud } from '../../support/group-cloud.ts';

let fleet: GroupCloud;
beforeEach(async () => {
  fleet = await startGroupCloud();
});
afterEach(() => fleet.close());

const group = { AutoScalingGroupName: 'workers' };

/** One more instance for a distance of 0 to 2, three more from 2. */
const putSteps = (settings: Partial<PutScalingPolicyCommandInput> = {}) =>
  fleet.autoScaling.send(
    new PutScalingPolicyCommand({
      ...group,
      PolicyName: 'out',
      PolicyType: 'StepScaling',
      AdjustmentType: 'ChangeInCapacity',
      EstimatedInstanceWarmup: 120,
      StepAdjustments: [
        { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 2, ScalingAdjustment: 1 },
        { MetricIntervalLowerBound: 2, ScalingAdjustment: 3 },
      ],
      ...settings,
    }),
  );

const execute = (MetricValue: number) =>
  fleet.autoScaling.send(
    new ExecutePolicyCommand({ ...group, PolicyName: 'out', MetricValue, BreachThreshold: 1 }),
  );

describe('a step policy', () => {
  test("launches the step's instances at once", async () => {
    await fleet.createGroup();
    await putSteps();
    await execute(3);
    await fleet.reach('InService', 'InService', 'InService');
    const [{ Cause } = {}] = await fleet.activities();
    expect(Cause).toMatch(/a user request executed policy out changing the desired capacity from 0 to 3\./);
    expect(Cause).toMatch(
      /in response to a difference between desired and actual capacity, increasing the capacity/,
    );
  });

  test('counts warming instances, so that a repeated call adds nothing until they are warm', async () => {
    await fleet.createGroup();
    await putSteps();
    await execute(1);
    await fleet.reach('InService');
    await fleet.clock.advance(119_000);
    await execute(1);
    expect(await fleet.desired()).toBe(1);
    await execute(3);
    expect(await fleet.desired()).toBe(3);
    await fleet.reach('InService', 'InService', 'InService');
    await fleet.clock.advance(1000);
    await execute(3);
    expect(await fleet.desired()).toBe(4);
  });

  test('without a warm-up of its own or of the group, uses the cooldown', async () => {
    await fleet.createGroup({ DefaultInstanceWarmup: 60, DefaultCooldown: 300 });
    await fleet.autoScaling.send(new UpdateAutoScalingGroupCommand({ ...group, DefaultInstanceWarmup: -1 }));
    await putSteps({ EstimatedInstanceWarmup: undefined });
    await execute(1);
    await fleet.reach('InService');
    await fleet.clock.advance(299_000);
    await execute(1);
    expect(await fleet.desired()).toBe(1);
    await fleet.clock.advance(1000);
    await execute(1);
    expect(await fleet.desired()).toBe(2);
  });

  test('does not pass the maximum', async () => {
    await fleet.createGroup({ MaxSize: 2 });
    await putSteps();
    await execute(100);
    await fleet.reach('InService', 'InService');
  });

  test('a value without a step is an error', async () => {
    await fleet.createGroup();
    await putSteps();
    await expect(execute(0)).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringMatching('No step adjustment'),
    });
  });

  test('does not scale out while launches are suspended, and does when they are resumed', async () => {
    await fleet.createGroup();
    await putSteps();
    const processes = { ...group, ScalingProcesses: ['Launch'] };
    await fleet.autoScaling.send(new SuspendProcessesCommand(processes));
    await execute(1);
    expect(await fleet.desired()).toBe(0);
    await fleet.autoScaling.send(new SetDesiredCapacityCommand({ ...group, DesiredCapacity: 2 }));
    expect(await fleet.states()).toEqual({});
    await fleet.autoScaling.send(new ResumeProcessesCommand(processes));
    await fleet.reach('InService', 'InService');
  });

  test('is shown with the alarms that execute it', async () => {
    await fleet.createGroup();
    const { PolicyARN } = await putSteps();
    for (const AlarmName of ['backlog', 'other']) {
      await fleet.cloud.call('monitoring', 'PutMetricAlarm', {
        ...{ AlarmName, Namespace: 'Own', MetricName: 'Jobs', Statistic: 'Maximum', Period: 60 },
        ...{ EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: 'GreaterThanThreshold' },
        AlarmActions: AlarmName === 'backlog' ? [PolicyARN] : [],
      });
    }
    const { ScalingPolicies } = await fleet.autoScaling.send(new DescribePoliciesCommand(group));
    const AlarmARN = 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:backlog';
    expect(ScalingPolicies?.[0]?.Alarms).toEqual([{ AlarmName: 'backlog', AlarmARN }]);
  });

  test('is found by ARN without its group, described and deleted', async () => {
    await fleet.createGroup();
    const { PolicyARN } = await putSteps();
    const { ScalingPolicies } = await fleet.autoScaling.send(new DescribePoliciesCommand(group));
    expect(ScalingPolicies).toMatchObject([
      { PolicyARN, PolicyType: 'StepScaling', EstimatedInstanceWarmup: 120, StepAdjustments: [{}, {}] },
    ]);
    await fleet.autoScaling.send(new DeletePolicyCommand({ PolicyName: PolicyARN }));
    await expect(execute(1)).rejects.toMatchObject({ name: 'ValidationError' });
  });
});

test('a simple policy honours its cooldown only when asked to', async () => {
  await fleet.createGroup();
  await fleet.autoScaling.send(
    new PutScalingPolicyCommand({
      ...{ ...group, PolicyName: 'one-more', Cooldown: 60 },
      ...{ AdjustmentType: 'ChangeInCapacity', ScalingAdjustment: 1 },
    }),
  );
  const more = (HonorCooldown: boolean) =>
    fleet.autoScaling.send(new ExecutePolicyCommand({ ...group, PolicyName: 'one-more', HonorCooldown }));
  await more(true);
  await fleet.reach('InService');
  await expect(more(true)).rejects.toMatchObject({ name: 'ScalingActivityInProgressFault' });
  await more(false);
  await fleet.reach('InService', 'InService');
  await fleet.clock.advance(60_000);
  await more(true);
  await fleet.reach('InService', 'InService', 'InService');
});

test('another kind of policy is refused by name', async () => {
  await fleet.createGroup();
  const put = new PutScalingPolicyCommand({
    ...{ ...group, PolicyName: 'p', PolicyType: 'TargetTrackingScaling' },
    AdjustmentType: 'ChangeInCapacity',
  });
  await expect(fleet.autoScaling.send(put)).rejects.toThrow('TargetTrackingScaling is not implemented here');
});

describe('sizes', () => {
  test.each([
    [6, 'New SetDesiredCapacity value 6 is above max value 5 for the AutoScalingGroup.'],
    [0, 'New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup.'],
  ])('a desired capacity of %d is refused', async (DesiredCapacity, message) => {
    await fleet.createGroup({ MinSize: 1 });
    await expect(
      fleet.autoScaling.send(new SetDesiredCapacityCommand({ ...group, DesiredCapacity })),
    ).rejects.toMatchObject({ name: 'ValidationError', message });
  });

  test.each([
    [{ MinSize: 3 }, 3],
    [{ MaxSize: 1 }, 1],
    [{ MinSize: 1, MaxSize: 4 }, 2],
  ])('new limits %j move the desired capacity to %d', async (limits, desired) => {
    await fleet.createGroup({ DesiredCapacity: 2 });
    await fleet.autoScaling.send(new UpdateAutoScalingGroupCommand({ ...group, ...limits }));
    await fleet.reach(...Array.from({ length: desired }, () => 'InService'));
    expect(await fleet.desired()).toBe(desired);
  });
});

test('a launch that EC2 refuses is a failed activity, and is tried again later', async () => {
  // A tag key with a slash cannot be in the metadata, so the launch fails.
  await fleet.ec2.send(
    new CreateLaunchTemplateVersionCommand({
      LaunchTemplateName: 'template',
      LaunchTemplateData: {
        ImageId: 'ami-1',
        MetadataOptions: { HttpTokens: 'required', InstanceMetadataTags: 'enabled' },
      },
    }),
  );
  await fleet.createGroup({ Tags: [{ Key: 'team/name', Value: 'x', PropagateAtLaunch: true }] });
  await fleet.autoScaling.send(new SetDesiredCapacityCommand({ ...group, DesiredCapacity: 1 }));
  const status = async () => (await fleet.activities()).map(({ StatusCode }) => StatusCode);
  await expect.poll(status).toEqual(['Failed']);
  const [failed] = await fleet.activities();
  expect(failed).toMatchObject({
    StatusMessage: expect.stringMatching(
      /^'team\/name' is not a valid tag key\. .* Launching EC2 instance failed\.$/,
    ),
  });
  await fleet.clock.advance(30_000);
  await expect.poll(status).toEqual(['Failed', 'Failed']);
  await fleet.ec2.send(
    new CreateLaunchTemplateVersionCommand({
      LaunchTemplateName: 'template',
      LaunchTemplateData: { ImageId: 'ami-1' },
    }),
  );
  await fleet.clock.advance(60_000);
  await fleet.reach('InService');
});
