import { type Activity, DescribeScalingActivitiesCommand } from '@aws-sdk/client-auto-scaling';
import { launchedBy, terminatedBy } from '../../aws/scaling-activity.ts';
import {
  describeGroup,
  describeWarmPool,
  type GroupMember,
  type ScalingGroup,
} from '../../aws/scaling-group.ts';
import { LARGEST_ACTIVITY_PAGE } from '../../lib/limits.ts';
import type { FleetContext } from '../context.ts';
import { StoreGone } from '../errors.ts';
import { type RefusedLaunches, refusedLaunches } from './refused-launches.ts';

/** The group's latest scaling activities, newest first. */
export interface ActivityLook {
  launches: { instance: string; startedAtMs: number }[];
  ends: { instance: string; startedAtMs: number; cause: string }[];
  refused?: RefusedLaunches;
}

/** Rejects with `StoreGoneError` if the group does not exist. */
export async function lookAtGroup({ clients, facts }: FleetContext): Promise<ScalingGroup> {
  const group = await describeGroup(clients.autoScaling, facts.group);
  if (group) return group;
  throw new StoreGone(
    `The Auto Scaling group ${facts.group} of fleet ${facts.fleet} is gone. Check whether its stack was deleted.`,
  );
}

/** The instances in the warm pool. DescribeAutoScalingGroups does not return them. */
export function lookAtPool({ clients, facts }: FleetContext): Promise<GroupMember[]> {
  return describeWarmPool(clients.autoScaling, facts.group);
}

/** The latest hundred activities, in one call. */
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
