import {
  type Activity,
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
  paginateDescribeWarmPool,
} from '@aws-sdk/client-auto-scaling';
import { launchedBy, terminatedBy } from '../../aws/scaling-activity.ts';
import { LARGEST_ACTIVITY_PAGE } from '../../lib/limits.ts';
import type { FleetContext } from '../context.ts';
import { StoreGone } from '../errors.ts';
import { type RefusedLaunches, refusedLaunches } from './refused-launches.ts';

/** The fleet's Auto Scaling group as it is now. */
export interface GroupLook {
  minSize: number;
  maxSize: number;
  desired: number;
  members: Member[];
  /** Ids of the subnets that instances are launched into. */
  subnets: string[];
  /** Whether instances that are launched from now on are protected from scale-in. */
  newProtected: boolean;
  /** Processes that are suspended, with what Auto Scaling says of it (who, since when). */
  suspended: ReadonlyMap<string, string>;
}

export interface Member {
  instance: string;
  /** Auto Scaling's; in a warm pool `Warmed:...`. */
  lifecycleState: string;
  type?: string;
  zone?: string;
  /** From scale-in: once it is in service. Absent: it is not told. */
  protected?: boolean;
}

/** What the latest activities tell, newest first. */
export interface ActivityLook {
  launches: { instance: string; startedAtMs: number }[];
  ends: { instance: string; startedAtMs: number; cause: string }[];
  refused?: RefusedLaunches;
}

/** Rejects with `StoreGone` if there is no such group. */
export async function lookAtGroup({ clients, facts }: FleetContext): Promise<GroupLook> {
  const { AutoScalingGroups } = await clients.autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [facts.group] }),
  );
  const group = AutoScalingGroups?.[0];
  if (!group) {
    throw new StoreGone(
      `The Auto Scaling group ${facts.group} of fleet ${facts.fleet} is gone: was its stack deleted?`,
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

/** The instances in its warm pool, of which the group itself says nothing. */
export async function lookAtPool({ clients, facts }: FleetContext): Promise<Member[]> {
  const pages = paginateDescribeWarmPool(
    { client: clients.autoScaling },
    { AutoScalingGroupName: facts.group },
  );
  const members: Member[] = [];
  for await (const { Instances } of pages) members.push(...(Instances ?? []).map(memberOf));
  return members;
}

/** The last hundred activities, in one call. */
export async function lookAtActivities({ clients, facts }: FleetContext): Promise<ActivityLook> {
  const { Activities = [], NextToken } = await clients.autoScaling.send(
    new DescribeScalingActivitiesCommand({ AutoScalingGroupName: facts.group, MaxRecords: LARGEST_ACTIVITY_PAGE }),
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
