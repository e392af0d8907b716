import { type Activity, DescribeScalingActivitiesCommand } from '@aws-sdk/client-auto-scaling';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import {
  addsToGroup,
  findLaunchedInstance,
  findTerminatedInstance,
  wasRequested,
} from '../aws/scaling-activity.ts';
import { describeGroup, describeWarmPool } from '../aws/scaling-group.ts';
import type { InstanceRecord } from '../jobs/record.ts';
import { AUTO_SCALING_MAX_ACTIVITIES } from '../lib/limits.ts';
import type { SavedLog } from '../store/bucket-keys.ts';
import { type FleetState, readFleetState } from '../store/fleet-state.ts';
import { type InstanceStore, instanceRetentionSeconds } from '../store/instance-store.ts';
import type { KeeperConfig } from './config.ts';

/** The state of group, queue and table by which the keeper decides. */
export interface Snapshot {
  /** The time of AWS, like all times that it is compared with. */
  nowMs: number;
  group: GroupSnapshot;
  launches: LaunchActivity[];
  /** The newest of these launches. Their records, if there are any, are in `records`. */
  judged: LaunchActivity[];
  /** Instances that Auto Scaling has terminated or is terminating, and whether somebody requested it. */
  terminations: ReadonlyMap<string, { byRequest: boolean }>;
  /** When the successful launches into the group began, and the newest launch that is in progress. */
  launchesMs: readonly number[];
  launchingSinceMs: number | undefined;
  /** When the newest launch activity began, successful or not. */
  lastLaunchMs: number | undefined;
  /** Visible messages. */
  backlog: number;
  /** Records of instances that are not known to be gone, and of recent launches. */
  records: Map<string, InstanceRecord>;
  fleetState: FleetState;
  /** When instances wrote their last heartbeat, if the heartbeats were read. */
  heartbeatsMs?: ReadonlyMap<string, number>;
  /** Why instances retired, by the names of their saved logs, if those were read. */
  savedLogs?: ReadonlyMap<string, SavedLog>;
}

export interface GroupSnapshot {
  minSize: number;
  maxSize: number;
  desired: number;
  instances: { instance: string; lifecycleState: string }[];
  /** Instances of its warm pool. They belong to the group, are not in service and do not report. */
  pool: ReadonlySet<string>;
  suspended: ReadonlySet<string>;
}

export interface LaunchActivity {
  instance: string;
  startedAtMs: number;
}

/** Pages of activities that are read to find the launch of an instance that was not heard of. */
const MOST_PAGES = 5;
/** Launches without a record among the living instances whose record is read for the boot breaker. */
const PAST_LAUNCHES = 20;

/** Reads group, queue and table. Undefined: the group does not exist. */
export async function takeSnapshot(
  clients: Clients,
  config: KeeperConfig,
  instances: InstanceStore,
  clock: Clock,
): Promise<Snapshot | undefined> {
  const group = await readGroup(clients, config);
  if (!group) return undefined;
  const [activities, backlog, living, fleetState] = await Promise.all([
    readActivities(clients, config.groupName),
    readBacklog(clients, config.queueUrl),
    instances.listLive(),
    readFleetState(clients.dynamodb, config.table),
  ]);
  // At least one answer has set the clock to the time of AWS by now, also in a function that Lambda had frozen.
  const nowMs = clock.now();
  const launches = findLaunches(activities);
  const records = new Map(living.map((record) => [record.instance, record]));
  const { judged, unlisted } = latest(launches, group, records, config, nowMs);
  for (const [id, record] of await instances.find(unlisted)) records.set(id, record);
  return {
    ...{ nowMs, group, launches, judged, backlog, records, fleetState },
    terminations: findTerminations(activities),
    ...additions(activities),
    lastLaunchMs: lastLaunch(activities),
  };
}

/**
 * The launches that can be judged by their records: no older than records are kept (activities are kept for six weeks),
 * and no more than can be looked up. `unlisted`: those to look up. An instance that is booting has no record yet.
 */
function latest(
  launches: readonly LaunchActivity[],
  group: GroupSnapshot,
  records: ReadonlyMap<string, InstanceRecord>,
  { recordSeconds, breakerFailures }: KeeperConfig,
  nowMs: number,
): { judged: LaunchActivity[]; unlisted: string[] } {
  const kept = launches.filter(
    ({ startedAtMs }) => nowMs - startedAtMs < instanceRetentionSeconds(recordSeconds) * 1000,
  );
  const booting = group.instances.filter(({ lifecycleState }) => lifecycleState.startsWith('Pending'));
  const silent = new Set([...booting.map(({ instance }) => instance), ...group.pool]);
  const most = Math.max(PAST_LAUNCHES, breakerFailures);
  const judged: LaunchActivity[] = [];
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

/** Undefined: the group does not exist. */
export async function readGroup(
  clients: Clients,
  { groupName, warmPool }: KeeperConfig,
): Promise<GroupSnapshot | undefined> {
  // The pool is read first: an instance that leaves it in between is then found twice instead of never.
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

export function findPresentInstances({ instances, pool }: GroupSnapshot): ReadonlySet<string> {
  return new Set([...instances.map(({ instance }) => instance), ...pool]);
}

/** The newest activities first. */
export async function readActivities(clients: Clients, groupName: string): Promise<Activity[]> {
  const activities: Activity[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await clients.autoScaling.send(
      new DescribeScalingActivitiesCommand({
        AutoScalingGroupName: groupName,
        MaxRecords: AUTO_SCALING_MAX_ACTIVITIES,
        NextToken,
      }),
    );
    activities.push(...(answer.Activities ?? []));
    NextToken = answer.NextToken;
    if (!NextToken) break;
  }
  return activities;
}

function toLaunch(activity: Activity): LaunchActivity[] {
  const instance = findLaunchedInstance(activity);
  const { StartTime } = activity;
  return instance && StartTime ? [{ instance, startedAtMs: StartTime.getTime() }] : [];
}

/**
 * The newest launch of each instance, the newest first. An instance that leaves a warm pool boots again, so its time
 * starts anew.
 */
export function findLaunches(activities: readonly Activity[]): LaunchActivity[] {
  const found = new Set<string>();
  return activities.flatMap(toLaunch).filter(({ instance }) => !found.has(instance) && found.add(instance));
}

function findTerminations(activities: readonly Activity[]): Snapshot['terminations'] {
  const entries = activities.flatMap((activity) => {
    const instance = findTerminatedInstance(activity);
    return instance ? [[instance, { byRequest: wasRequested(activity) }] as const] : [];
  });
  // The newest activity of an instance counts.
  return new Map(entries.toReversed());
}

function additions(activities: readonly Activity[]): Pick<Snapshot, 'launchesMs' | 'launchingSinceMs'> {
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

async function readBacklog(clients: Clients, queueUrl: string): Promise<number> {
  const { Attributes } = await clients.sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages'],
    }),
  );
  const backlog = Number(Attributes?.['ApproximateNumberOfMessages']);
  if (!Number.isInteger(backlog)) {
    throw new Error(`SQS returned no ApproximateNumberOfMessages for the queue ${queueUrl}`);
  }
  return backlog;
}
