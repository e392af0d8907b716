import { type AutoScalingClient, DescribeAutoScalingInstancesCommand } from '@aws-sdk/client-auto-scaling';
import type { Clients } from '../../aws/clients.ts';
import type { Identity } from '../../aws/identity.ts';
import { describeGroup, type GroupMember } from '../../aws/scaling-group.ts';
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

export interface GroupStatus extends GroupFacts {
  /** This instance's lifecycle state. Absent: the group does not have the instance. */
  lifecycleState?: string;
}

/** Describes the group. A group that was deleted counts as one whose maximum is 0. */
export async function readGroupStatus(
  client: AutoScalingClient,
  groupName: string,
  instanceId: string,
  abortSignal: AbortSignal,
): Promise<GroupStatus> {
  const group = await describeGroup(client, groupName, abortSignal);
  if (!group) return { minSize: 0, maxSize: 0, desired: 0, surplus: false };
  const { minSize, maxSize, desired, members } = group;
  const lifecycleState = members.find(({ instance }) => instance === instanceId)?.lifecycleState;
  const counting = members.filter(counts).map(({ instance }) => instance);
  return {
    minSize,
    maxSize,
    desired,
    detached: lifecycleState === undefined,
    surplus: isSurplus(instanceId, counting, desired),
    ...(lifecycleState && { lifecycleState }),
  };
}

/**
 * Whether an instance is one too many. All instances of a group come to the same result without asking each other: the
 * first ones by id are the surplus.
 */
function isSurplus(instanceId: string, alive: readonly string[], desired: number): boolean {
  const rank = alive.toSorted().indexOf(instanceId);
  return rank >= 0 && rank < alive.length - desired;
}

/** The states that count towards the desired capacity ("Amazon EC2 Auto Scaling instance lifecycle"). */
function counts({ lifecycleState }: GroupMember): boolean {
  return lifecycleState === 'InService' || lifecycleState.startsWith('Pending');
}
