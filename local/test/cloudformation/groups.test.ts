import {
  AutoScalingClient,
  type AutoScalingGroup,
  DescribeAutoScalingGroupsCommand,
  SetDesiredCapacityCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { Stacks } from '../support/stacks.ts';

let cloud: TestCloud;
let stacks: Stacks;
let autoScaling: AutoScalingClient;

beforeAll(async () => {
  // AWS's own periods pass a hundred times faster. The instance boots and does nothing.
  cloud = await startTestCloud({ speed: 100 });
  stacks = new Stacks(cloud);
  autoScaling = new AutoScalingClient(cloud.client);
});
afterAll(async () => {
  stacks.client.destroy();
  autoScaling.destroy();
  await cloud.close();
});

const ImageId = 'ami-0123456789abcdef0';

function fleet({ instanceType = 'm6i.large', group = {}, policy = {} } = {}) {
  const reference = {
    LaunchTemplateId: { Ref: 'Template' },
    Version: { 'Fn::GetAtt': ['Template', 'LatestVersionNumber'] },
  };
  return {
    Resources: {
      Net: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
      Subnet: {
        Type: 'AWS::EC2::Subnet',
        Properties: { VpcId: { Ref: 'Net' }, CidrBlock: '10.0.0.0/24', AvailabilityZone: 'us-east-1a' },
      },
      Template: {
        Type: 'AWS::EC2::LaunchTemplate',
        Properties: { LaunchTemplateData: { ImageId, InstanceType: instanceType } },
      },
      Group: {
        Type: 'AWS::AutoScaling::AutoScalingGroup',
        Properties: {
          MinSize: '0',
          MaxSize: '2',
          LaunchTemplate: reference,
          VPCZoneIdentifier: [{ Ref: 'Subnet' }],
          NewInstancesProtectedFromScaleIn: true,
          Tags: [{ Key: 'fleet', Value: 'test', PropagateAtLaunch: true }],
          ...group,
        },
        UpdatePolicy: {
          AutoScalingScheduledAction: { IgnoreUnmodifiedGroupSizeProperties: true },
          ...policy,
        },
      },
    },
  };
}

async function groupOf(stack: string): Promise<AutoScalingGroup | undefined> {
  const name = await stacks.physicalId(stack, 'Group');
  const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] });
  return (await autoScaling.send(command)).AutoScalingGroups?.[0];
}

test('the group gets a new version of the launch template and keeps its size', async () => {
  await stacks.create('versions', fleet());
  const AutoScalingGroupName = await stacks.physicalId('versions', 'Group');
  await autoScaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity: 1 }));
  const before = await stacks.physicalId('versions', 'Template');
  const updated = await stacks.update('versions', fleet({ instanceType: 'm6a.large' }));
  expect(updated.StackStatus).toBe('UPDATE_COMPLETE');
  expect(await stacks.physicalId('versions', 'Template')).toBe(before);
  const group = await groupOf('versions');
  expect(group).toMatchObject({ LaunchTemplate: { Version: '2' }, DesiredCapacity: 1, MaxSize: 2 });
  expect(group?.Tags).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ Key: 'fleet', Value: 'test', PropagateAtLaunch: true }),
      expect.objectContaining({ Key: 'aws:cloudformation:stack-name', Value: 'versions' }),
    ]),
  );
  const larger = await stacks.update(
    'versions',
    fleet({ instanceType: 'm6a.large', group: { MaxSize: '5' } }),
  );
  expect(larger.StackStatus).toBe('UPDATE_COMPLETE');
  expect(await groupOf('versions')).toMatchObject({ MaxSize: 5, DesiredCapacity: 1 });
});

test('deletion waits until the last protected instance has ended by itself', async () => {
  await stacks.create('busy', fleet());
  const AutoScalingGroupName = await stacks.physicalId('busy', 'Group');
  await autoScaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity: 1 }));
  await expect
    .poll(async () => (await groupOf('busy'))?.Instances?.map((one) => one.LifecycleState))
    .toEqual(['InService']);
  const { StackId = '' } = await stacks.describe('busy');
  await stacks.client.send(new DeleteStackCommand({ StackName: 'busy' }));
  await expect.poll(async () => (await groupOf(StackId))?.MaxSize).toBe(0);
  expect((await stacks.describe(StackId)).StackStatus).toBe('DELETE_IN_PROGRESS');
  const [instance] = (await groupOf(StackId))?.Instances ?? [];
  expect(instance).toMatchObject({ LifecycleState: 'InService', ProtectedFromScaleIn: true });
  const InstanceId = instance?.InstanceId;
  const leave = { InstanceId, ShouldDecrementDesiredCapacity: false };
  await autoScaling.send(new TerminateInstanceInAutoScalingGroupCommand(leave));
  expect((await stacks.settled(StackId)).StackStatus).toBe('DELETE_COMPLETE');
  expect(await groupOf(StackId)).toBeUndefined();
});

test('an update policy that is not implemented is refused by name', async () => {
  const policy = { AutoScalingRollingUpdate: { MinInstancesInService: 1 } };
  await stacks.create('rolling', fleet({ policy }));
  const failure = (await stacks.events('rolling')).find((one) => one.ResourceStatus === 'CREATE_FAILED');
  expect(failure?.ResourceStatusReason).toContain('UpdatePolicy AutoScalingRollingUpdate is not supported');
});
