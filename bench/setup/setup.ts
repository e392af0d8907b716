import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { TABLE_DEFINITION } from '../../store/table-schema.ts';
import type { Counts } from './servers.ts';

export const REGION = 'us-east-1';

/** The test environment of the contenders: one server for all, and a new queue, table and bucket for each run. */
export interface BenchSetup {
  /** The newest queue, table and bucket. */
  queueUrl: string;
  table: string;
  bucket: string;
  /** The variables for a contender's SDK, without the user's own AWS settings. */
  environment: Record<string, string>;
  directory: string;
  /** Creates a queue with this number of jobs, a table and a bucket. */
  prepare(jobs: number): Promise<void>;
  /** Sends one more job. */
  send(body: string): Promise<void>;
  /** The number of messages that wait or are in flight. */
  countLeft(): Promise<number>;
  /** Calls since the last `resetCounts`. */
  counts(): Promise<Counts>;
  resetCounts(): Promise<void>;
  close(): Promise<void>;
}

export async function openBenchSetup(): Promise<BenchSetup> {
  const servers = fork(join(import.meta.dirname, 'servers.ts'));
  const [port] = await once(servers, 'message');
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const options = { endpoint, region: REGION, credentials };
  const sqs = new SQSClient({ ...options, useQueueUrlAsEndpoint: false });
  const dynamodb = new DynamoDBClient(options);
  const s3 = new S3Client(options);
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-bench-'));
  // Workers in slots run as other users.
  await chmod(directory, 0o755);
  let sets = 0;
  const stage: BenchSetup = {
    queueUrl: '',
    table: '',
    bucket: '',
    environment: environmentFor(endpoint, credentials),
    directory,
    async prepare(jobs) {
      sets += 1;
      stage.queueUrl = await createQueue(sqs, `bench-${sets}`);
      stage.table = await createTable(dynamodb, `bench-${sets}`);
      stage.bucket = `bench-${sets}`;
      await s3.send(new CreateBucketCommand({ Bucket: stage.bucket }));
      await fill(sqs, stage.queueUrl, jobs);
    },
    send: async (MessageBody) => {
      await sqs.send(new SendMessageCommand({ QueueUrl: stage.queueUrl, MessageBody }));
    },
    countLeft: () => left(sqs, stage.queueUrl),
    counts: async () => (await fetch(`${endpoint}/counts`)).json() as Promise<Counts>,
    resetCounts: async () => void (await fetch(`${endpoint}/counts`, { method: 'DELETE' })),
    async close() {
      sqs.destroy();
      dynamodb.destroy();
      s3.destroy();
      await stopChild(servers, 'SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
  return stage;
}

async function createQueue(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  return QueueUrl;
}

/** Stops a child process and waits for its exit. Kills it if it does not exit within ten seconds. */
export async function stopChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const exited = new AbortController();
  const timer = delay(10_000, undefined, { signal: exited.signal }).then(
    () => child.kill('SIGKILL'),
    () => false,
  );
  await gone;
  exited.abort();
  await timer;
}

function environmentFor(endpoint: string, keys: { accessKeyId: string; secretAccessKey: string }) {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

async function fill(sqs: SQSClient, queueUrl: string, jobs: number): Promise<void> {
  for (let at = 0; at < jobs; at += 10) {
    const count = Math.min(10, jobs - at);
    const Entries = Array.from({ length: count }, (_, index) => ({
      Id: `${index}`,
      MessageBody: `${at + index}`,
    }));
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`the queue refused ${Failed.length} jobs: ${Failed[0]?.Message}`);
  }
}

async function left(sqs: SQSClient, queueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes).reduce((sum, value) => sum + Number(value), 0);
}

async function createTable(dynamodb: DynamoDBClient, name: string): Promise<string> {
  await dynamodb.send(new CreateTableCommand({ TableName: name, ...TABLE_DEFINITION }));
  return name;
}
