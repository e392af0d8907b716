import type { Activity } from '@aws-sdk/client-auto-scaling';
import { addsToGroup, findLaunchError, findLaunchedInstance } from '../../aws/scaling-activity.ts';

/** Launches that EC2 refused in a row, up to now. */
export interface RefusedLaunches {
  /** When the latest of them began. */
  atMs: number;
  /** EC2's message for the latest. */
  message: string;
  /** How many of them are among the activities. */
  times: number;
  /** When the first of them began. Absent: the activities do not reach back so far. */
  sinceMs?: number;
}

/**
 * The launches that EC2 refuses now. Undefined: it has refused none, or has accepted one since. An attempt in progress
 * changes nothing. Neither does an attempt that was accepted at the same time, as when a quota has room for some
 * instances.
 *
 * @param activities the newest first
 * @param complete whether the group has no older activities
 */
export function findRefusedLaunches(
  activities: readonly Activity[],
  complete: boolean,
): RefusedLaunches | undefined {
  const attempts = activities.filter(addsToGroup);
  const index = attempts.findIndex(isRefused);
  const last = attempts[index];
  if (!last) return undefined;
  const endMs = timeOf(last.EndTime ?? last.StartTime);
  if (attempts.slice(0, index).some((one) => isAccepted(one) && timeOf(one.StartTime) > endMs)) {
    return undefined;
  }
  const before = attempts.slice(index);
  const end = before.findIndex(isAccepted);
  const run = (end < 0 ? before : before.slice(0, end)).filter(isRefused);
  const first = complete || end >= 0 ? run.at(-1) : undefined;
  return {
    atMs: timeOf(last.StartTime),
    message: messageOf(last),
    times: run.length,
    ...(first && { sinceMs: timeOf(first.StartTime) }),
  };
}

function isRefused(activity: Activity): boolean {
  return activity.StatusCode === 'Failed' || findLaunchError(activity) !== undefined;
}

function isAccepted(activity: Activity): boolean {
  return findLaunchedInstance(activity) !== undefined && findLaunchError(activity) === undefined;
}

/** "Troubleshoot Amazon EC2 Auto Scaling": the status message says what EC2 refused and why. */
function messageOf(activity: Activity): string {
  return findLaunchError(activity) ?? activity.StatusMessage ?? activity.Description ?? '';
}

function timeOf(date: Date | undefined): number {
  return date?.getTime() ?? 0;
}
