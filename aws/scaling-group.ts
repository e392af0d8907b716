import {
  type AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  paginateDescribeWarmPool,
} from '@aws-sdk/client-auto-scaling';

/** An Auto Scaling group as "DescribeAutoScalingGroups" describes it. */
export interface ScalingGroup {
  minSize: number;
  maxSize: number;
  desired: number;
  /** Without those of its warm pool: see `describeWarmPool`. */
  members: GroupMember[];
  /** Ids of the subnets that instances are launched into. */
  subnets: string[];
  /** Whether instances that are launched from now on are protected from scale-in. */
  protectsNewInstances: boolean;
  /** Processes that are suspended, with what Auto Scaling says of it (who, since when). */
  suspended: ReadonlyMap<string, string>;
}

export interface GroupMember {
  instance: string;
  /** Auto Scaling's; in a warm pool `Warmed:...`. */
  lifecycleState: string;
  type?: string;
  zone?: string;
  /** From scale-in, once it is in service. Absent: Auto Scaling does not say. */
  protected?: boolean;
}

/** Undefined: there is no such group. */
export async function describeGroup(
  client: AutoScalingClient,
  name: string,
  abortSignal?: AbortSignal,
): Promise<ScalingGroup | undefined> {
  const { AutoScalingGroups } = await client.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
    abortSignal && { abortSignal },
  );
  const group = AutoScalingGroups?.[0];
  if (!group) return undefined;
  const suspended = (group.SuspendedProcesses ?? []).map(
    ({ ProcessName = '', SuspensionReason = '' }) => [ProcessName, SuspensionReason] as const,
  );
  return {
    minSize: group.MinSize ?? 0,
    maxSize: group.MaxSize ?? 0,
    desired: group.DesiredCapacity ?? 0,
    members: (group.Instances ?? []).map(toMember),
    subnets: (group.VPCZoneIdentifier ?? '').split(',').filter(Boolean),
    protectsNewInstances: group.NewInstancesProtectedFromScaleIn ?? false,
    suspended: new Map(suspended),
  };
}

/** The instances of a group's warm pool, which "DescribeAutoScalingGroups" leaves out. */
export async function describeWarmPool(client: AutoScalingClient, name: string): Promise<GroupMember[]> {
  const members: GroupMember[] = [];
  for await (const { Instances } of paginateDescribeWarmPool({ client }, { AutoScalingGroupName: name })) {
    members.push(...(Instances ?? []).map(toMember));
  }
  return members;
}

function toMember(one: {
  InstanceId?: string | undefined;
  LifecycleState?: string | undefined;
  InstanceType?: string | undefined;
  AvailabilityZone?: string | undefined;
  ProtectedFromScaleIn?: boolean | undefined;
}): GroupMember {
  return {
    instance: one.InstanceId ?? '',
    lifecycleState: one.LifecycleState ?? '',
    ...(one.InstanceType && { type: one.InstanceType }),
    ...(one.AvailabilityZone && { zone: one.AvailabilityZone }),
    ...(one.ProtectedFromScaleIn !== undefined && { protected: one.ProtectedFromScaleIn }),
  };
}
