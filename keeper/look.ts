import { type Activity, DescribeScalingActivitiesCommand } from '@aws-sdk/client-auto-scaling';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import { addsToGroup, isByRequest, launchedBy, terminatedBy } from '../aws/scaling-activity.ts';
import { describeGroup, describeWarmPool } from '../aws/scaling-group.ts';
import { LARGEST_ACTIVITY_PAGE } from '../lib/limits.ts';
import { type FleetState, readFleetState } from '../store/fleet-state.ts';
import { type InstanceStore, keptSeconds } from '../store/instances.ts';
import type { SavedLog } from '../store/log-layout.ts';
import type { InstanceRecord } from '../jobs/record.ts';
import type { KeeperConfig } from './config.ts';

/** All that the keeper decides by, as it was at one moment. */
export interface Look {
  /** AWS's time, as that of all that is compared with it. */
  nowMs: number;
  group: GroupSeen;
  launches: LaunchSeen[];
  /** Of these the latest: all whose record, if they left one, is among `records`. */
  judged: LaunchSeen[];
  /** Of instances that Auto Scaling has ended, or is ending: whether that was asked for. */
  terminations: ReadonlyMap<string, { byRequest: boolean }>;
  /** When the launches into the group that succeeded began, and the latest that is under way. */
  launchesMs: readonly number[];
  launchingSinceMs: number | undefined;
  /** The latest activity that launched, or tried to. */
  lastLaunchMs: number | undefined;
  /** Visible messages. */
  backlog: number;
  /** Records of instances not known to be gone, and of those lately launched that are. */
  records: Map<string, InstanceRecord>;
  memory: FleetState;
  /** When instances gave a second sign of life, if that was looked for. */
  signsMs?: ReadonlyMap<string, number>;
  /** Why instances went by the names of their saved logs, if those were looked for. */
  savedLogs?: ReadonlyMap<string, SavedLog>;
}

export interface GroupSeen {
  minSize: number;
  maxSize: number;
  desired: number;
  instances: { instance: string; lifecycleState: string }[];
  /** Instances of its warm pool: the group's, but neither in service nor to be expected to report. */
  pool: ReadonlySet<string>;
  suspended: ReadonlySet<string>;
}

export interface LaunchSeen {
  instance: string;
  startedAtMs: number;
}

/** Pages of activities that are read to find the launch of an instance that was not heard of. */
const MOST_PAGES = 5;
/** Launches that are not listed as living and whose records are looked up, for the boot breaker. */
const PAST_LAUNCHES = 20;

/** Looks at group, queue and table. Undefined: there is no such group (any more). */
export async function look(
  clients: Clients,
  config: KeeperConfig,
  instances: InstanceStore,
  clock: Clock,
): Promise<Look | undefined> {
  const group = await groupOf(clients, config);
  if (!group) return undefined;
  const [activities, backlog, living, memory] = await Promise.all([
    activitiesOf(clients, config.groupName),
    backlogOf(clients, config.queueUrl),
    instances.living(),
    readFleetState(clients.dynamodb, config.table),
  ]);
  // Now at least one answer has told AWS's time, also to a function that was frozen since its last run.
  const nowMs = clock.now();
  const launches = launchesOf(activities);
  const records = new Map(living.map((record) => [record.instance, record]));
  const { judged, unlisted } = latest(launches, group, records, config, nowMs);
  for (const [id, record] of await instances.find(unlisted)) records.set(id, record);
  return {
    ...{ nowMs, group, launches, judged, backlog, records, memory },
    terminations: terminationsOf(activities),
    ...additions(activities),
    lastLaunchMs: lastLaunch(activities),
  };
}

/**
 * The launches that can be judged by their records: no older than records are kept (activities are, for six weeks),
 * and as many as can be looked up. `unlisted` are those to look up; one that boots has nothing to say yet.
 */
function latest(
  launches: readonly LaunchSeen[],
  group: GroupSeen,
  records: ReadonlyMap<string, InstanceRecord>,
  { recordSeconds, breakerFailures }: KeeperConfig,
  nowMs: number,
): { judged: LaunchSeen[]; unlisted: string[] } {
  const kept = launches.filter(({ startedAtMs }) => nowMs - startedAtMs < keptSeconds(recordSeconds) * 1000);
  const booting = group.instances.filter(({ lifecycleState }) => lifecycleState.startsWith('Pending'));
  const silent = new Set([...booting.map(({ instance }) => instance), ...group.pool]);
  const most = Math.max(PAST_LAUNCHES, breakerFailures);
  const judged: LaunchSeen[] = [];
  const unlisted: string[] = [];
  for (const launch of kept) {
    if (!records.has(launch.instance) && !silent.has(launch.instance)) {
      if (unlisted.length === most) break;
      unlisted.push(launch.instance);
    }
    judged.push(launch);
  }
  return { judged, unlisted };
}

/** Undefined: there is no such group. */
export async function groupOf(
  clients: Clients,
  { groupName, warmPool }: KeeperConfig,
): Promise<GroupSeen | undefined> {
  // The pool first: an instance that leaves it meanwhile is seen twice, not never.
  const pool = warmPool ? await describeWarmPool(clients.autoScaling, groupName) : [];
  const group = await describeGroup(clients.autoScaling, groupName);
  if (!group) return undefined;
  const { minSize, maxSize, desired, members, suspended } = group;
  return {
    ...{ minSize, maxSize, desired, instances: members },
    pool: new Set(pool.map(({ instance }) => instance)),
    suspended: new Set(suspended.keys()),
  };
}

export function presentIn({ instances, pool }: GroupSeen): ReadonlySet<string> {
  return new Set([...instances.map(({ instance }) => instance), ...pool]);
}

/** The newest activities first. */
export async function activitiesOf(clients: Clients, groupName: string): Promise<Activity[]> {
  const activities: Activity[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await clients.autoScaling.send(
      new DescribeScalingActivitiesCommand({ AutoScalingGroupName: groupName, MaxRecords: LARGEST_ACTIVITY_PAGE, NextToken }),
    );
    activities.push(...(answer.Activities ?? []));
    NextToken = answer.NextToken;
    if (!NextToken) break;
  }
  return activities;
}

function launchOf(activity: Activity): LaunchSeen[] {
  const instance = launchedBy(activity);
  const { StartTime } = activity;
  return instance && StartTime ? [{ instance, startedAtMs: StartTime.getTime() }] : [];
}

/**
 * Of each instance the latest launch, the newest first: out of a warm pool it boots once more, with the whole time for it.
 */
export function launchesOf(activities: readonly Activity[]): LaunchSeen[] {
  const seen = new Set<string>();
  return activities.flatMap(launchOf).filter(({ instance }) => !seen.has(instance) && seen.add(instance));
}

function terminationsOf(activities: readonly Activity[]): Look['terminations'] {
  const entries = activities.flatMap((activity) => {
    const instance = terminatedBy(activity);
    return instance ? [[instance, { byRequest: isByRequest(activity) }] as const] : [];
  });
  // The newest activity of an instance counts.
  return new Map(entries.toReversed());
}

function additions(activities: readonly Activity[]): Pick<Look, 'launchesMs' | 'launchingSinceMs'> {
  const all = activities.filter(addsToGroup);
  const successful = all.filter(({ StatusCode }) => StatusCode === 'Successful');
  return {
    launchesMs: successful.flatMap(({ StartTime }) => (StartTime ? [StartTime.getTime()] : [])),
    launchingSinceMs: all.find(({ EndTime }) => EndTime === undefined)?.StartTime?.getTime(),
  };
}

function lastLaunch(activities: readonly Activity[]): number | undefined {
  return activities.find(addsToGroup)?.StartTime?.getTime();
}

async function backlogOf(clients: Clients, queueUrl: string): Promise<number> {
  const { Attributes } = await clients.sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages'],
    }),
  );
  const backlog = Number(Attributes?.['ApproximateNumberOfMessages']);
  if (!Number.isInteger(backlog)) throw new Error(`the queue tells no number of messages: ${queueUrl}`);
  return backlog;
}
