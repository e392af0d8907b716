import { randomUUID } from 'node:crypto';
import type { CloudClock } from '../../clock.ts';
import type { ActivityStatus, Group, ScalingActivity } from './group.ts';

/** The cause of most activities, in AWS's words. */
export const CAPACITY_DIFFERENCE = 'in response to a difference between desired and actual capacity';

/** The number of activities that are kept; AWS keeps them for six weeks. */
const KEPT = 10_000;

/** All scaling activities, newest first. Those of deleted groups stay. */
export class Activities {
  readonly #clock: CloudClock;
  readonly #all: ScalingActivity[] = [];

  constructor(clock: CloudClock) {
    this.#clock = clock;
  }

  start(
    group: Group,
    description: string,
    cause: string,
    status: ActivityStatus,
    details: Record<string, string>,
  ): ScalingActivity {
    const activity: ScalingActivity = {
      id: randomUUID(),
      groupName: group.name,
      groupArn: group.arn,
      description,
      cause,
      startedAt: new Date(this.#clock.now()),
      endedAt: undefined,
      status,
      statusMessage: undefined,
      details,
    };
    this.#all.unshift(activity);
    this.#all.length = Math.min(this.#all.length, KEPT);
    return activity;
  }

  end(activity: ScalingActivity, status: 'Successful' | 'Failed' | 'Cancelled', message?: string): void {
    if (activity.endedAt) return;
    activity.status = status;
    activity.statusMessage = message;
    activity.endedAt = new Date(this.#clock.now());
  }

  of(groupName: string | undefined): ScalingActivity[] {
    return groupName === undefined ? [...this.#all] : this.#all.filter((one) => one.groupName === groupName);
  }

  underWay(group: Group): ScalingActivity | undefined {
    return this.#all.find((one) => one.groupArn === group.arn && one.endedAt === undefined);
  }

  /** `At 2026-01-01T00:00:00Z ...`, in the form of AWS's causes. */
  formatCause(what: string): string {
    const at = new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    return `At ${at} ${what}.`;
  }
}

export function describeActivity(activity: ScalingActivity) {
  const progress: Partial<Record<ActivityStatus, number>> = { PreInService: 0, InProgress: 50 };
  return {
    ActivityId: activity.id,
    AutoScalingGroupName: activity.groupName,
    AutoScalingGroupARN: activity.groupArn,
    Description: activity.description,
    Cause: activity.cause,
    StartTime: activity.startedAt,
    EndTime: activity.endedAt,
    StatusCode: activity.status,
    StatusMessage: activity.statusMessage,
    Progress: activity.endedAt ? 100 : (progress[activity.status] ?? 50),
    Details: JSON.stringify(activity.details),
  };
}
