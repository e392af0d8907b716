import { type Activity, DescribeScalingActivitiesCommand } from '@aws-sdk/client-auto-scaling';
import { findLaunchedInstance, findTerminatedInstance } from '../../aws/scaling-activity.ts';
import {
  describeGroup,
  describeWarmPool,
  type GroupMember,
  type ScalingGroup,
} from '../../aws/scaling-group.ts';
import { AUTO_SCALING_MAX_ACTIVITIES } from '../../lib/limits.ts';
import type { FleetContext } from '../context.ts';
import { StoreGoneError } from '../errors.ts';
import { findRefusedLaunches, type RefusedLaunches } from './refused-launches.ts';

/** The group's latest scaling activities, newest first. */
export interface GroupActivities {
  launches: { instance: string; startedAtMs: number }[];
  terminations: { instance: string; startedAtMs: number; cause: string }[];
  refused?: RefusedLaunches;
}

/** Rejects with `StoreGoneError` if the group does not exist. */
export async function readGroup({ clients, facts }: FleetContext): Promise<ScalingGroup> {
  const group = await describeGroup(clients.autoScaling, facts.group);
  if (group) return group;
  throw new StoreGoneError(
    `The Auto Scaling group ${facts.group} of fleet ${facts.fleet} is gone. Check whether its stack was deleted.`,
  );
}

/** The instances in the warm pool. DescribeAutoScalingGroups does not return them. */
export function readWarmPool({ clients, facts }: FleetContext): Promise<GroupMember[]> {
  return describeWarmPool(clients.autoScaling, facts.group);
}

/** The latest hundred activities, in one call. */
export async function readActivities({ clients, facts }: FleetContext): Promise<GroupActivities> {
  const { Activities = [], NextToken } = await clients.autoScaling.send(
    new DescribeScalingActivitiesCommand({
      AutoScalingGroupName: facts.group,
      MaxRecords: AUTO_SCALING_MAX_ACTIVITIES,
    }),
  );
  const refused = findRefusedLaunches(Activities, NextToken === undefined);
  return {
    launches: Activities.flatMap((one) => entry(findLaunchedInstance(one), one)),
    terminations: Activities.flatMap((one) =>
      entry(findTerminatedInstance(one), one).map((end) => ({ ...end, cause: one.Cause ?? '' })),
    ),
    ...(refused && { refused }),
  };
}

function entry(instance: string | undefined, { StartTime }: Activity) {
  return instance && StartTime ? [{ instance, startedAtMs: StartTime.getTime() }] : [];
}
