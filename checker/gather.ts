import { readFile } from 'node:fs/promises';
import {
  type AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  paginateDescribeScalingActivities,
  paginateDescribeWarmPool,
} from '@aws-sdk/client-auto-scaling';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type EC2Client, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { parseCalls } from './calls.ts';
import type { CallFacts, Facts, InstanceFacts } from './facts.ts';
import { type JournalLine, parseJournal } from './journal.ts';
import { readLogs } from './logs.ts';
import { countInFlight, readDeadLetters, readQueue } from './queue.ts';
import { readRecords } from './records.ts';

/** Where the facts are read from. The clients have an operator's credentials, not the fleet's. */
export interface FactSources {
  sent: readonly string[];
  /** Files: the workers' journal and the front door's `calls.jsonl`. */
  journal: string;
  calls: string;
  leaseSeconds: number;
  clients: {
    sqs: SQSClient;
    dynamodb: DynamoDBClient;
    ec2: EC2Client;
    autoScaling: AutoScalingClient;
    s3: S3Client;
  };
  /** Whether workers run on other machines, so that their process ids cannot be checked here. */
  workersElsewhere?: boolean;
  /** Names of the stack's resources. Undefined: the stack is deleted, so there is no queue and no group. */
  stack: StackNames | undefined;
}

export interface StackNames {
  queueUrl: string;
  deadLetterQueueUrl: string;
  /** Absent for a fleet that tracks no jobs. */
  table?: string;
  logBucket: string;
  group: string;
}

/**
 * The calls of both files of the front door's log.
 *
 * @throws Error if the beginning is gone, because the checker would miss the calls in it
 */
export async function readCalls(file: string): Promise<CallFacts[]> {
  const earlier = parseCalls(await readFile(`${file}.1`, 'utf8').catch(ignoreMissing));
  const calls = [...earlier, ...parseCalls(await readFile(file, 'utf8'))];
  const isFirst = calls[0]?.action === 'CreateBucket' && calls[0].caller === 'cloud';
  if (earlier.length === 0 || isFirst) return calls;
  throw new Error(`The beginning of ${file} is gone, as the log keeps 200 MB. Check a shorter run.`);
}

/** Reads all facts. Messages that it receives become visible again at once. */
export async function gatherFacts(scene: FactSources): Promise<Facts> {
  const { sent, journal, calls, leaseSeconds, clients, stack } = scene;
  const lines = parseJournal(await readFile(journal, 'utf8').catch(ignoreMissing));
  const printing = new Set(lines.filter(({ printed }) => printed).map(({ job }) => job));
  // Before the checker receives messages itself, which puts them in flight.
  const deadLettersHidden = stack ? await countInFlight(clients.sqs, stack.deadLetterQueueUrl) : 0;
  const [queue, deadLetters, records, logs, instances, group] = await Promise.all([
    stack ? readQueue(clients.sqs, stack.queueUrl) : { visible: [], inFlight: 0 },
    stack ? readDeadLetters(clients.sqs, stack.deadLetterQueueUrl) : [],
    stack?.table === undefined ? undefined : readRecords(clients.dynamodb, stack.table),
    stack ? readLogs(clients.s3, stack.logBucket, printing) : undefined,
    readInstances(clients),
    stack ? readGroup(clients.autoScaling, stack.group) : undefined,
  ]);
  return {
    sent,
    journal: lines,
    workersAlive: scene.workersElsewhere ? [] : workersAlive(lines),
    queue,
    deadLetters,
    deadLettersHidden,
    deadLetterQueueUrl: stack?.deadLetterQueueUrl,
    records,
    logs,
    instances,
    group,
    calls: await readCalls(calls),
    leaseMs: leaseSeconds * 1000,
  };
}

/** All instances, also terminated ones, and when they were launched and left their group. */
export async function readInstances({
  ec2,
  autoScaling,
}: Pick<FactSources['clients'], 'ec2' | 'autoScaling'>): Promise<InstanceFacts[]> {
  const { launched, left } = await activityTimes(autoScaling);
  const instances: InstanceFacts[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client: ec2 }, {})) {
    for (const { InstanceId = '?', State, LaunchTime } of Reservations.flatMap(
      ({ Instances = [] }) => Instances,
    )) {
      const leftMs = left.get(InstanceId);
      instances.push({
        id: InstanceId,
        state: State?.Name ?? '?',
        // EC2's time has whole seconds, so an instance would seem older than a call that came before its launch.
        launchedMs: launched.get(InstanceId) ?? LaunchTime?.getTime() ?? 0,
        ...(leftMs !== undefined && { leftMs }),
      });
    }
  }
  return instances;
}

const ACTIVITY = /^(Launching a new|Terminating) EC2 instance(?: (?:into|from) warm pool)?: (i-\w+)/;

/** When groups launched and terminated their instances, including deleted groups. */
async function activityTimes(
  client: AutoScalingClient,
): Promise<Record<'launched' | 'left', Map<string, number>>> {
  const times = { launched: new Map<string, number>(), left: new Map<string, number>() };
  const pages = paginateDescribeScalingActivities({ client }, { IncludeDeletedGroups: true });
  for await (const { Activities = [] } of pages) {
    for (const { Description = '', StartTime } of Activities) {
      const [, what, id] = ACTIVITY.exec(Description) ?? [];
      if (id && StartTime) times[what === 'Terminating' ? 'left' : 'launched'].set(id, StartTime.getTime());
    }
  }
  return times;
}

async function readGroup(client: AutoScalingClient, name: string): Promise<Facts['group']> {
  const { AutoScalingGroups = [] } = await client.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
  );
  const [group] = AutoScalingGroups;
  if (!group) return undefined;
  const warmPool = new Set<string>();
  for await (const { Instances = [] } of paginateDescribeWarmPool(
    { client },
    { AutoScalingGroupName: name },
  )) {
    for (const { InstanceId = '?' } of Instances) warmPool.add(InstanceId);
  }
  return { name, desired: group.DesiredCapacity ?? 0, warmPool };
}

/** Workers without an end in the journal whose process still exists. */
function workersAlive(lines: readonly JournalLine[]): { job: string; pid: number }[] {
  const ended = new Set(lines.filter(({ event }) => event === 'end').map(({ pid }) => pid));
  const open = lines.filter(({ event, pid }) => event === 'start' && !ended.has(pid));
  return open.filter(({ pid }) => isAlive(pid)).map(({ job, pid }) => ({ job, pid }));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
