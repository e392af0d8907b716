import type { Activity } from '@aws-sdk/client-auto-scaling';
import { addsToGroup, diedAtLaunch, launchedBy } from '../../aws/scaling-activity.ts';

/** The launches that EC2 has refused one after another, up to now. */
export interface RefusedLaunches {
  /** The latest of them: when it began, and why it failed, in EC2's own words. */
  atMs: number;
  message: string;
  /** How many there are among the activities. */
  times: number;
  /** When the first of them began; absent: the activities do not reach back so far. */
  sinceMs?: number;
}

/**
 * What EC2 refuses at present. Undefined: it has not refused a launch, or has accepted one since. An attempt that is
 * under way changes nothing; neither does one that was accepted beside those refused, as far as a quota had room.
 *
 * @param activities the newest first
 * @param complete whether these are all that there are
 */
export function refusedLaunches(
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
  return activity.StatusCode === 'Failed' || diedAtLaunch(activity) !== undefined;
}

function isAccepted(activity: Activity): boolean {
  return launchedBy(activity) !== undefined && diedAtLaunch(activity) === undefined;
}

/** "Troubleshoot Amazon EC2 Auto Scaling": the message says what EC2 refused, and why. */
function messageOf(activity: Activity): string {
  return diedAtLaunch(activity) ?? activity.StatusMessage ?? activity.Description ?? '';
}

function timeOf(date: Date | undefined): number {
  return date?.getTime() ?? 0;
}
