import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Fleet } from '../../client/fleet.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { updateFleetState } from '../../store/fleet-state.ts';
import { toItem } from '../../store/item.ts';
import { listingSortKey, runningPartition, statePartition } from '../../store/partitions.ts';
import { credentials, environmentOf, runs, runsForBytes } from './command.ts';
import { createJobTable } from './job-table.ts';

const TABLE = 'jobs';
const BUCKET = 'logs';

/** Queues, table and bucket of a fleet without instances, in the embedded cloud. They are found by their names. */
export interface BareFleet {
  cloud: Cloud;
  fleet: Fleet;
  /** The environment in which a command finds the fleet, without other variables of this machine. */
  env: Record<string, string>;
  /** A directory of this test. */
  directory: string;
  /** Runs the command, as a user does. Never rejects because of an exit status. */
  mayfly(...args: string[]): ReturnType<typeof runs>;
  /** The same, with standard input. */
  mayflyReading(input: string, ...args: string[]): ReturnType<typeof runs>;
  /** The same, with the output as bytes. */
  mayflyBytes(...args: string[]): ReturnType<typeof runsForBytes>;
  /** Notes in the fleet state that the index has all jobs, or not, as the keeper does. */
  indexed(isAll: boolean): Promise<void>;
  /** Writes the record of a job, with its place in the index. */
  record(record: Omit<JobRecord, 'pk' | 'attempts'> & { attempts?: number }): Promise<void>;
  /** Writes an object to the log bucket. */
  object(key: string, content: string | Uint8Array): Promise<void>;
}

/** Opens a cloud for each test file and queues for each test: `const open = bareFleets()` at the top of a file. */
export function bareFleets(): () => Promise<BareFleet> {
  let cloud: Cloud;
  let home: string;
  const fleets: Fleet[] = [];
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'mayfly-bare-'));
    cloud = await startCloud({ directory: home });
    // The library's clients find the cloud by these variables.
    Object.assign(process.env, credentials(cloud));
    await cloud.call('s3', 'CreateBucket', { Bucket: BUCKET });
    await createJobTable(cloud, TABLE);
  });
  afterEach(() => {
    cloud.faults.clear();
    for (const fleet of fleets.splice(0)) fleet.close();
  });
  afterAll(async () => {
    await cloud.close();
    await rm(home, { recursive: true, force: true });
  });
  let made = 0;
  return async () => {
    made += 1;
    const bare = await setUp(cloud, await mkdtemp(join(home, 'test-')), `q${made}`);
    fleets.push(bare.fleet);
    return bare;
  };
}

async function setUp(cloud: Cloud, directory: string, name: string): Promise<BareFleet> {
  const queueUrl = await createQueue(cloud, name);
  const deadLetterQueueUrl = await createQueue(cloud, `${name}-dead`);
  const names = { queueUrl, table: TABLE, logBucket: BUCKET, group: 'group', deadLetterQueueUrl };
  const fleet = await Fleet.find({ ...names, region: cloud.region });
  const { s3, dynamodb } = fleet.context.clients;
  const env = {
    ...environmentOf(cloud, directory),
    MAYFLY_QUEUE_URL: queueUrl,
    MAYFLY_TABLE: TABLE,
    MAYFLY_LOG_BUCKET: BUCKET,
    MAYFLY_AUTO_SCALING_GROUP: names.group,
    MAYFLY_DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl,
  };
  const options = { cwd: directory, env };
  let written: Promise<unknown> = Promise.resolve();
  /** Writes one item after the other, because a busy machine cannot open hundreds of connections at once. */
  const write = async (item: Record<string, AttributeValue>): Promise<void> => {
    const put = written.then(() => dynamodb.send(new PutItemCommand({ TableName: TABLE, Item: item })));
    written = put.catch(() => undefined);
    await put;
  };
  return {
    cloud,
    fleet,
    env,
    directory,
    mayfly: (...args) => runs(args, options),
    mayflyReading: (input, ...args) => runs(args, options, input),
    mayflyBytes: (...args) => runsForBytes(args, options),
    indexed: (isAll) => updateFleetState(dynamodb, TABLE, { listedSinceMs: isAll ? 0 : undefined }),
    async record(record) {
      const { id, state, instance = '', enqueuedAt } = record;
      const listed = state === 'running' ? runningPartition(instance) : statePartition(state, id);
      const place = enqueuedAt !== undefined && { listed, listedAt: listingSortKey(enqueuedAt, id) };
      await write(toItem({ pk: `job#${id}`, attempts: 1, ...place, ...record }));
    },
    async object(Key, Body) {
      await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
    },
  };
}

async function createQueue(cloud: Cloud, name: string): Promise<string> {
  const { QueueUrl } = await cloud.call('sqs', 'CreateQueue', { QueueName: name });
  return String(QueueUrl);
}
