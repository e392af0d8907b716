import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Fleet } from '../../client/fleet.ts';
import { changeFleetState } from '../../store/fleet-state.ts';
import { toItem } from '../../store/item.ts';
import { listedAtOf, listedOf, runningOf } from '../../store/listing.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { createJobTable } from './job-table.ts';

const BIN = resolve(import.meta.dirname, '../../bin/mayfly.js');
/** One for all tests: a command is there in half the time. */
const NODE_COMPILE_CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/mayfly');
const TABLE = 'jobs';
const BUCKET = 'logs';

/** What a fleet has beside its instances, in the embedded cloud: queues, table and bucket, found by their names. */
export interface BareFleet {
  cloud: Cloud;
  fleet: Fleet;
  /** With which a command finds the fleet, and nothing else of this machine's. */
  env: Record<string, string>;
  /** A folder of this test's own. */
  directory: string;
  /** Runs the command, as a user does. Rejects at no exit status. */
  mayfly(...words: string[]): ReturnType<typeof runs>;
  /** The same, with this on its standard input. */
  mayflyReading(input: string, ...words: string[]): ReturnType<typeof runs>;
  /** The same, with its output as bytes. */
  mayflyBytes(...words: string[]): ReturnType<typeof runsForBytes>;
  /** Says of the index that it has all jobs, as the keeper does: it need not be so. */
  indexed(isAll: boolean): Promise<void>;
  /** Writes a job's record as it is, with its place in the index. */
  record(record: Omit<JobRecord, 'pk' | 'attempts'> & { attempts?: number }): Promise<void>;
  /** Writes an object of the log bucket. */
  object(key: string, content: string | Uint8Array): Promise<void>;
}

/** One cloud a test file, queues of its own for each test: `const open = bareFleets()` at the head of a file. */
export function bareFleets(): () => Promise<BareFleet> {
  let cloud: Cloud;
  let home: string;
  const fleets: Fleet[] = [];
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'mayfly-bare-'));
    cloud = await startCloud({ directory: home });
    // The library's clients find the cloud as they find AWS.
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
    ...credentials(cloud),
    PATH: process.env['PATH'] ?? '',
    HOME: directory,
    NODE_COMPILE_CACHE,
    MAYFLY_QUEUE_URL: queueUrl,
    MAYFLY_TABLE: TABLE,
    MAYFLY_LOG_BUCKET: BUCKET,
    MAYFLY_AUTO_SCALING_GROUP: names.group,
    MAYFLY_DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl,
  };
  const surroundings = { cwd: directory, env };
  let written: Promise<unknown> = Promise.resolve();
  /** One after the other: a busy machine does not take hundreds of connections at once. */
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
    mayfly: (...words) => runs(words, surroundings),
    mayflyReading: (input, ...words) => runs(words, surroundings, input),
    mayflyBytes: (...words) => runsForBytes(words, surroundings),
    indexed: (isAll) => changeFleetState(dynamodb, TABLE, { listedSinceMs: isAll ? 0 : undefined }),
    async record(record) {
      const { id, state, instance = '', enqueuedAt } = record;
      const listed = state === 'running' ? runningOf(instance) : listedOf(state, id);
      const place = enqueuedAt !== undefined && { listed, listedAt: listedAtOf(enqueuedAt, id) };
      await write(toItem({ pk: `job#${id}`, attempts: 1, ...place, ...record }));
    },
    async object(Key, Body) {
      await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
    },
  };
}

interface Surroundings {
  cwd: string;
  env: Record<string, string>;
}

function runs(words: string[], { cwd, env }: Surroundings, input = '') {
  return execa(process.execPath, [BIN, ...words], { cwd, env, extendEnv: false, reject: false, input });
}

function runsForBytes(words: string[], { cwd, env }: Surroundings) {
  const options = { cwd, env, extendEnv: false, reject: false, encoding: 'buffer' } as const;
  return execa(process.execPath, [BIN, ...words], options);
}

function credentials(cloud: Cloud) {
  return {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: cloud.region,
    AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
  };
}

async function createQueue(cloud: Cloud, name: string): Promise<string> {
  const { QueueUrl } = await cloud.call('sqs', 'CreateQueue', { QueueName: name });
  return String(QueueUrl);
}
