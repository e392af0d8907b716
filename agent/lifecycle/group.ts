import {
  type AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
} from '@aws-sdk/client-auto-scaling';
import type { Clients } from '../../aws/clients.ts';
import type { Identity } from '../../aws/identity.ts';
import type { GroupFacts } from '../../policy/retirement.ts';

/** Finds the group of an instance: by its tags, else by asking Auto Scaling. Undefined: it has none. */
export async function findGroupName(
  clients: Clients,
  { instanceId, metadata, groupName }: Identity,
): Promise<string | undefined> {
  if (groupName || !metadata) return groupName;
  const { AutoScalingInstances } = await clients.autoScaling.send(
    new DescribeAutoScalingInstancesCommand({ InstanceIds: [instanceId] }),
  );
  return AutoScalingInstances?.[0]?.AutoScalingGroupName;
}

export interface GroupLook extends GroupFacts {
  /** This instance's lifecycle state. Absent: the group does not have the instance. */
  lifecycleState?: string;
}

/** Describes the group. A group that was deleted counts as one whose maximum is 0. */
export async function lookAtGroup(
  client: AutoScalingClient,
  groupName: string,
  instanceId: string,
  abortSignal: AbortSignal,
): Promise<GroupLook> {
  const { AutoScalingGroups } = await client.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [groupName] }),
    { abortSignal },
  );
  const group = AutoScalingGroups?.[0];
  if (!group) return { minSize: 0, maxSize: 0, desired: 0, surplus: false };
  const desired = group.DesiredCapacity ?? 0;
  const lifecycleState = group.Instances?.find(({ InstanceId }) => InstanceId === instanceId)?.LifecycleState;
  return {
    minSize: group.MinSize ?? 0,
    maxSize: group.MaxSize ?? 0,
    desired,
    detached: lifecycleState === undefined,
    surplus: isSurplus(instanceId, (group.Instances ?? []).filter(isCounted).map(idOf), desired),
    ...(lifecycleState && { lifecycleState }),
  };
}

/**
 * Whether an instance is one too many. All instances of a group come to the same result without asking each other: the
 * first ones by id are the surplus.
 */
export function isSurplus(instanceId: string, alive: readonly string[], desired: number): boolean {
  const rank = alive.toSorted().indexOf(instanceId);
  return rank >= 0 && rank < alive.length - desired;
}

/** Whether an instance counts towards the desired capacity ("Amazon EC2 Auto Scaling instance lifecycle"). */
function isCounted({ LifecycleState }: { LifecycleState?: string | undefined }): boolean {
  return LifecycleState === 'InService' || (LifecycleState?.startsWith('Pending') ?? false);
}

function idOf({ InstanceId }: { InstanceId?: string | undefined }): string {
  return InstanceId ?? '';
}
