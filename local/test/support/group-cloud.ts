import {
  type Activity,
  AutoScalingClient,
  CreateAutoScalingGroupCommand,
  type CreateAutoScalingGroupCommandInput,
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CreateLaunchTemplateCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { expect } from 'vitest';
import { createSimulatedClock, type SimulatedClock } from '../../clock.ts';
import { startTestCloud, type TestCloud } from './cloud.ts';

/** A cloud with a simulated clock, a launch template `template` and subnets in three zones. */
export interface GroupCloud {
  cloud: TestCloud;
  clock: SimulatedClock;
  autoScaling: AutoScalingClient;
  ec2: EC2Client;
  subnets: string;
  /** Creates the group `workers`, of 0 to 5 instances, and waits until it has its desired capacity. */
  createGroup(settings?: Partial<CreateAutoScalingGroupCommandInput>): Promise<void>;
  /** Lifecycle states by instance id. */
  states(): Promise<Record<string, string>>;
  /** Resolves when the instances have these states, in any order. */
  reach(...states: string[]): Promise<string[]>;
  desired(): Promise<number | undefined>;
  /** Newest first. */
  activities(): Promise<Activity[]>;
  close(): Promise<void>;
}

export async function startGroupCloud(): Promise<GroupCloud> {
  const clock = createSimulatedClock();
  const cloud = await startTestCloud({ clock });
  const autoScaling = new AutoScalingClient(cloud.client);
  const ec2 = new EC2Client(cloud.client);
  const subnets = await createSubnets(ec2);
  await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'template',
      LaunchTemplateData: { ImageId: 'ami-1', InstanceType: 't3.small' },
    }),
  );

  const group = async () => {
    const { AutoScalingGroups } = await autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
    return AutoScalingGroups?.find(({ AutoScalingGroupName }) => AutoScalingGroupName === 'workers');
  };
  const states = async () => {
    const instances = (await group())?.Instances ?? [];
    return Object.fromEntries(instances.map((one) => [one.InstanceId ?? '', one.LifecycleState ?? '']));
  };
  const reach = async (...wanted: string[]) => {
    const sorted = async () => Object.values(await states()).sort();
    await expect.poll(sorted).toEqual(wanted.sort());
    return Object.keys(await states());
  };

  return {
    cloud,
    clock,
    autoScaling,
    ec2,
    subnets,
    states,
    reach,
    desired: async () => (await group())?.DesiredCapacity,
    async createGroup(settings = {}) {
      const defaults = {
        AutoScalingGroupName: 'workers',
        MinSize: 0,
        MaxSize: 5,
        LaunchTemplate: { LaunchTemplateName: 'template', Version: '$Latest' },
        VPCZoneIdentifier: subnets,
      };
      await autoScaling.send(new CreateAutoScalingGroupCommand({ ...defaults, ...settings }));
      const count = settings.DesiredCapacity ?? settings.MinSize ?? 0;
      const waits = settings.LifecycleHookSpecificationList?.some(
        (hook) => hook.LifecycleTransition === 'autoscaling:EC2_INSTANCE_LAUNCHING',
      );
      await reach(...Array.from({ length: count }, () => (waits ? 'Pending:Wait' : 'InService')));
    },
    async activities() {
      const { Activities } = await autoScaling.send(
        new DescribeScalingActivitiesCommand({ IncludeDeletedGroups: true }),
      );
      return Activities ?? [];
    },
    async close() {
      autoScaling.destroy();
      ec2.destroy();
      await cloud.close();
    },
  };
}

async function createSubnets(ec2: EC2Client): Promise<string> {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  const ids: (string | undefined)[] = [];
  for (const [index, zone] of ['a', 'b', 'c'].entries()) {
    const { Subnet } = await ec2.send(
      new CreateSubnetCommand({
        VpcId: Vpc?.VpcId,
        CidrBlock: `10.0.${index}.0/24`,
        AvailabilityZone: `us-east-1${zone}`,
      }),
    );
    ids.push(Subnet?.SubnetId);
  }
  return ids.join(',');
}
