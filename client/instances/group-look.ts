import {
  type Activity,
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
  paginateDescribeWarmPool,
} from '@aws-sdk/client-auto-scaling';
import { launchedBy, terminatedBy } from '../../aws/scaling-activity.ts';
import type { FleetContext } from '../context.ts';
import { StoreGone } from '../errors.ts';
import { type RefusedLaunches, refusedLaunches } from './refused-launches.ts';

/** The fleet's Auto Scaling group as it is now. */
export interface GroupLook {
  minSize: number;
  maxSize: number;
  desired: number;
  members: Member[];
  /** Ids of the subnets into which instances are launched. */
  subnets: string[];
  /** Whether new instances are protected from scale-in. */
  newProtected: boolean;
  /** Suspended processes, with Auto Scaling's `SuspensionReason` (who, and since when). */
  suspended: ReadonlyMap<string, string>;
}

/** An instance of the group or of its warm pool. */
export interface Member {
  instance: string;
  /** Auto Scaling's lifecycle state. In the warm pool `Warmed:...`. */
  lifecycleState: string;
  type?: string;
  zone?: string;
  /** From scale-in. Protection begins in service. Absent: not known. */
  protected?: boolean;
}

/** The group's latest scaling activities, newest first. */
export interface ActivityLook {
  launches: { instance: string; startedAtMs: number }[];
  ends: { instance: string; startedAtMs: number; cause: string }[];
  refused?: RefusedLaunches;
}

/** Rejects with `StoreGoneError` if the group does not exist. */
export async function lookAtGroup({ clients, facts }: FleetContext): Promise<GroupLook> {
  const { AutoScalingGroups } = await clients.autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [facts.group] }),
  );
  const group = AutoScalingGroups?.[0];
  if (!group) {
    throw new StoreGone(
      `The Auto Scaling group ${facts.group} of fleet ${facts.fleet} is gone. Check whether its stack was deleted.`,
    );
  }
  const suspended = (group.SuspendedProcesses ?? []).map(
    ({ ProcessName = '', SuspensionReason = '' }) => [ProcessName, SuspensionReason] as const,
  );
  return {
    minSize: group.MinSize ?? 0,
    maxSize: group.MaxSize ?? 0,
    desired: group.DesiredCapacity ?? 0,
    members: (group.Instances ?? []).map(memberOf),
    subnets: (group.VPCZoneIdentifier ?? '').split(',').filter(Boolean),
    newProtected: group.NewInstancesProtectedFromScaleIn ?? false,
    suspended: new Map(suspended),
  };
}

/** The instances in the warm pool. DescribeAutoScalingGroups does not return them. */
export async function lookAtPool({ clients, facts }: FleetContext): Promise<Member[]> {
  const pages = paginateDescribeWarmPool(
    { client: clients.autoScaling },
    { AutoScalingGroupName: facts.group },
  );
  const members: Member[] = [];
  for await (const { Instances } of pages) members.push(...(Instances ?? []).map(memberOf));
  return members;
}

/** The latest hundred activities, in one call. */
export async function lookAtActivities({ clients, facts }: FleetContext): Promise<ActivityLook> {
  const { Activities = [], NextToken } = await clients.autoScaling.send(
    new DescribeScalingActivitiesCommand({ AutoScalingGroupName: facts.group, MaxRecords: 100 }),
  );
  const refused = refusedLaunches(Activities, NextToken === undefined);
  return {
    launches: Activities.flatMap((one) => entry(launchedBy(one), one)),
    ends: Activities.flatMap((one) =>
      entry(terminatedBy(one), one).map((end) => ({ ...end, cause: one.Cause ?? '' })),
    ),
    ...(refused && { refused }),
  };
}

function entry(instance: string | undefined, { StartTime }: Activity) {
  return instance && StartTime ? [{ instance, startedAtMs: StartTime.getTime() }] : [];
}

function memberOf(one: {
  InstanceId?: string | undefined;
  LifecycleState?: string | undefined;
  InstanceType?: string | undefined;
  AvailabilityZone?: string | undefined;
  ProtectedFromScaleIn?: boolean | undefined;
}): Member {
  return {
    instance: one.InstanceId ?? '',
    lifecycleState: one.LifecycleState ?? '',
    ...(one.InstanceType && { type: one.InstanceType }),
    ...(one.AvailabilityZone && { zone: one.AvailabilityZone }),
    ...(one.ProtectedFromScaleIn !== undefined && { protected: one.ProtectedFromScaleIn }),
  };
}
