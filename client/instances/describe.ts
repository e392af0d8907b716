import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { GroupMember, ScalingGroup } from '../../aws/scaling-group.ts';
import type { InstanceRecord } from '../../jobs/record.ts';
import { type FleetState, readFleetState } from '../../store/fleet-state.ts';
import { createInstanceStore, type InstanceStore } from '../../store/instance-store.ts';
import { findRunningJobs } from '../../store/running-jobs.ts';
import type { FleetContext } from '../context.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import { type GroupActivities, readActivities, readGroup, readWarmPool } from './group-state.ts';
import {
  createInstanceView,
  createRetiredView,
  type InstanceFacts,
  type InstanceView,
  type RetiredView,
} from './instance-view.ts';
import type { RefusedLaunches } from './refused-launches.ts';

/** The state of a fleet, as `--json` prints it. Times are ISO 8601. What is not known is absent. */
export interface FleetView {
  fleet: string;
  region: string;
  /** The time of this state. What agents reported is older: see `reportAgeSeconds` of each instance. */
  at: string;
  queue: QueueView;
  /** Approximate number of messages in the dead-letter queue. Absent: the queue is not known. */
  deadLetters?: number;
  /** Sizes of the Auto Scaling group, in instances. */
  capacity: { desired: number; min: number; max: number };
  launches: LaunchesView;
  /** When the keeper last ran, and the error of that run if it failed. */
  keeper: { ranAt?: string; failure?: string };
  instances: InstanceView[];
  /** The latest instances that were terminated, newest first. */
  retired: RetiredView[];
}

/** Approximate numbers of messages. */
export interface QueueView {
  /** Messages that an agent can receive. */
  visible: number;
  /** Messages that an agent holds, and messages that were returned with a delay. */
  inFlight: number;
  /** Messages whose delay has not passed. */
  delayed: number;
  /** Since when the keeper has seen enough waiting messages to launch an instance. */
  waitingSince?: string;
}

/** Whether the group can launch instances. */
export interface LaunchesView {
  /** The group's process `Launch` is suspended. */
  suspended: boolean;
  /** Why: the fleet is paused, its boot breaker is open, or an operator suspended the process. */
  reason?: 'paused' | 'breaker' | 'other';
  since?: string;
  /** Auto Scaling's `SuspensionReason`. */
  suspensionReason?: string;
  /** EC2 has refused the last launch: when, with its message, how many in a row, and since when if that is known. */
  failure?: { at: string; message: string; times: number; since?: string };
}

/** Options of `describe`. */
export interface DescribeOptions {
  /** Number of terminated instances in the result. Default 5. */
  retired?: number;
}

/** Reads the state of a fleet. Makes a dozen calls of AWS, in parallel. */
export async function describeFleet(
  context: FleetContext,
  { retired = 5 }: DescribeOptions = {},
): Promise<FleetView> {
  const { clients, facts, clock } = context;
  const { deadLetterQueueUrl: deadLetters } = facts;
  const store = createInstanceStore(clients.dynamodb, facts.table, facts.recordSeconds);
  const [queue, dead, group, pool, activities, state, living] = await Promise.all([
    countMessages(context, facts.queueUrl),
    deadLetters === undefined ? undefined : countMessages(context, deadLetters),
    readGroup(context),
    readWarmPool(context),
    readActivities(context),
    readFleetState(clients.dynamodb, facts.table),
    store.listLive(),
  ]);
  const members = [...group.members, ...pool];
  const [seen, gone] = await Promise.all([
    readInstances(context, members, living, activities),
    lookAtRetired(store, activities, members, retired),
  ]);
  const nowMs = clock.now();
  const { backlogSinceMs } = state;
  return {
    fleet: facts.fleet,
    region: facts.region,
    at: timeAt(nowMs),
    queue: {
      ...queue,
      ...(queue.visible > 0 && backlogSinceMs !== undefined && { waitingSince: timeAt(backlogSinceMs) }),
    },
    ...(dead && { deadLetters: dead.visible + dead.inFlight + dead.delayed }),
    capacity: { desired: group.desired, min: group.minSize, max: group.maxSize },
    launches: createLaunchesView(group, state, activities),
    keeper: keeperView(state),
    instances: seen
      .map((one) => createInstanceView(one, nowMs, facts.silentSeconds * 1000))
      .toSorted(byLaunch),
    retired: gone,
  };
}

async function countMessages({ clients }: FleetContext, QueueUrl: string): Promise<QueueView> {
  const { Attributes = {} } = await clients.sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return {
    visible: Number(Attributes['ApproximateNumberOfMessages']),
    inFlight: Number(Attributes['ApproximateNumberOfMessagesNotVisible']),
    delayed: Number(Attributes['ApproximateNumberOfMessagesDelayed']),
  };
}

/** All instances of the group and of the table, with the jobs that run on them. */
export async function readInstances(
  { clients, facts }: FleetContext,
  members: readonly GroupMember[],
  living: readonly InstanceRecord[],
  { launches }: GroupActivities,
): Promise<InstanceFacts[]> {
  const byId = new Map(members.map((member) => [member.instance, member]));
  const records = new Map(living.map((record) => [record.instance, record]));
  return mapInParallel([...new Set([...byId.keys(), ...records.keys()])], async (instance) => {
    const record = records.get(instance);
    const running =
      record && facts.trackJobs && (await findRunningJobs(clients.dynamodb, facts.table, instance));
    const jobs = running ? running.jobs : [];
    const launchedAtMs = launches.find((launch) => launch.instance === instance)?.startedAtMs;
    return { instance, member: byId.get(instance), record, jobs, launchedAtMs };
  });
}

/** The latest terminated instances, by the group's activities: the table's index of them is not ordered by time. */
async function lookAtRetired(
  store: InstanceStore,
  { terminations }: GroupActivities,
  members: readonly GroupMember[],
  most: number,
): Promise<RetiredView[]> {
  const present = new Set(members.map(({ instance }) => instance));
  const last = terminations.filter(({ instance }) => !present.has(instance)).slice(0, most);
  const records = await store.find(last.map(({ instance }) => instance));
  return last.map((end) => createRetiredView(end, records.get(end.instance)));
}

export function createLaunchesView(
  { suspended }: ScalingGroup,
  { pausedAtMs, trippedAtMs }: FleetState,
  { refused }: GroupActivities,
): LaunchesView {
  const said = suspended.get('Launch');
  const failure = refused && failureView(refused);
  const why = whySuspended(said !== undefined, pausedAtMs, trippedAtMs);
  return {
    suspended: said !== undefined,
    ...why,
    ...(said && { suspensionReason: said }),
    ...(failure && { failure }),
  };
}

function failureView({ atMs, message, times, sinceMs }: RefusedLaunches): LaunchesView['failure'] {
  return { at: timeAt(atMs), message, times, ...(sinceMs !== undefined && { since: timeAt(sinceMs) }) };
}

/** A pause begins when it is in the table, before launches are suspended. */
function whySuspended(
  suspended: boolean,
  pausedAtMs: number | undefined,
  trippedAtMs: number | undefined,
): Pick<LaunchesView, 'reason' | 'since'> {
  if (pausedAtMs !== undefined) return { reason: 'paused', since: timeAt(pausedAtMs) };
  if (trippedAtMs !== undefined) return { reason: 'breaker', since: timeAt(trippedAtMs) };
  return suspended ? { reason: 'other' } : {};
}

function keeperView({ keptAtMs, keeperFailure }: FleetState): FleetView['keeper'] {
  return {
    ...(keptAtMs !== undefined && { ranAt: timeAt(keptAtMs) }),
    ...(keeperFailure && { failure: keeperFailure }),
  };
}

/** The oldest first. Instances without a known launch time come last. */
function byLaunch(one: InstanceView, other: InstanceView): number {
  const order = (one.launchedAt ?? '9').localeCompare(other.launchedAt ?? '9');
  return order !== 0 ? order : one.instance.localeCompare(other.instance);
}

function timeAt(ms: number): string {
  return new Date(ms).toISOString();
}
