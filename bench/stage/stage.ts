import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateTableCommand, DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Counts } from './servers.ts';

export const REGION = 'us-east-1';
export const TABLE = 'bench';

/** What the contenders work on: the same queue for all, the table made anew for each run. */
export interface Stage {
  queueUrl: string;
  /** What a contender's SDK has to know, and nothing else of the user's AWS set-up. */
  environment: Record<string, string>;
  directory: string;
  fill(jobs: number): Promise<void>;
  /** Messages that are not yet done: waiting or in flight. */
  left(): Promise<number>;
  /** Calls since the last `resetCounts`. */
  counts(): Promise<Counts>;
  resetCounts(): Promise<void>;
  renewTable(): Promise<void>;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const servers = fork(join(import.meta.dirname, 'servers.ts'));
  const [port] = await once(servers, 'message');
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const options = { endpoint, region: REGION, credentials };
  const sqs = new SQSClient({ ...options, useQueueUrlAsEndpoint: false });
  const dynamodb = new DynamoDBClient(options);
  const { QueueUrl: queueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'bench' }));
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-bench-'));
  return {
    queueUrl,
    environment: environmentFor(endpoint, credentials),
    directory,
    fill: (jobs) => fill(sqs, queueUrl, jobs),
    left: () => left(sqs, queueUrl),
    counts: async () => (await fetch(`${endpoint}/counts`)).json() as Promise<Counts>,
    resetCounts: async () => void (await fetch(`${endpoint}/counts`, { method: 'DELETE' })),
    renewTable: () => renewTable(dynamodb),
    async close() {
      sqs.destroy();
      dynamodb.destroy();
      await stopChild(servers, 'SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Ends a child and waits until it is gone; one that ignores a polite signal is killed. */
export async function stopChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const patience = new AbortController();
  const timer = delay(10_000, undefined, { signal: patience.signal }).then(
    () => child.kill('SIGKILL'),
    () => false,
  );
  await gone;
  patience.abort();
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
  await sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl }));
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

async function renewTable(dynamodb: DynamoDBClient): Promise<void> {
  await dynamodb.send(new DeleteTableCommand({ TableName: TABLE })).catch((error: Error) => {
    if (error.name !== 'ResourceNotFoundException') throw error;
  });
  await dynamodb.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'listing', AttributeType: 'S' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'byListing',
          KeySchema: [{ AttributeName: 'listing', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
}
