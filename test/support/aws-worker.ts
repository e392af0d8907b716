import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { buildSync } from 'esbuild';
import { expect } from 'vitest';
import type { WorkerFleet } from '../../infra/worker-fleet.ts';
import { eventually } from './eventually.ts';
import type { TestFleet } from './fleet.ts';
import { readOutput } from './job-output.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/aws-worker');
const INPUT = 'for workers';

/** Buckets of the owner, by the environment variable that passes their names to the workers. */
export const BUCKETS = { GRANTED: 'granted-to-workers', OTHER: 'somebody-elses' };

/** Creates a worker directory that contains the SDK. `remove` deletes it. */
export function awsWorkerDirectory(): { workerDirectory: string; remove: () => void } {
  const workerDirectory = mkdtempSync(join(tmpdir(), 'mayfly-aws-worker-'));
  cpSync(FIXTURE, workerDirectory, { recursive: true });
  buildSync({
    entryPoints: [join(FIXTURE, 'ask.mjs')],
    outfile: join(workerDirectory, 'ask.cjs'),
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
  });
  return { workerDirectory, remove: () => rmSync(workerDirectory, { recursive: true }) };
}

/** Adds the two buckets. The workers may read one of them. */
export function addBuckets(stack: Stack, fleet: WorkerFleet): void {
  const removalPolicy = RemovalPolicy.DESTROY;
  new Bucket(stack, 'Granted', { bucketName: BUCKETS.GRANTED, removalPolicy }).grantRead(fleet);
  new Bucket(stack, 'Other', { bucketName: BUCKETS.OTHER, removalPolicy });
}

/** Writes the object that the workers try to read to both buckets. */
export async function fillBuckets({ cloud }: TestFleet): Promise<void> {
  const { endpoint, region, owner } = cloud;
  const s3 = new S3Client({ endpoint, region, credentials: owner, forcePathStyle: true });
  try {
    for (const Bucket of Object.values(BUCKETS)) {
      await s3.send(new PutObjectCommand({ Bucket, Key: 'input', Body: INPUT }));
    }
  } finally {
    s3.destroy();
  }
}

/** A worker has the worker role, can read the granted bucket, and can neither read the other one nor terminate instances. */
export const ROLE_PERMISSIONS = {
  who: expect.stringMatching(
    /^arn:aws:sts::000000000000:assumed-role\/Test-FleetWorkerRole[^/]*\/mayfly-i-[0-9a-f]+$/,
  ),
  granted: INPUT,
  other: 'AccessDenied',
  end: 'AccessDenied',
};

/**
 * Runs a job with the body `<tool> <program>`, whose worker calls AWS with that tool. Returns its output.
 *
 * @throws Error with the output if the worker fails
 */
export async function askWorker(
  fleet: TestFleet,
  tool: string,
  program = '-',
  withinMs = 60_000,
): Promise<string> {
  const [job] = await fleet.send(`${tool} ${program}`);
  const poll = async () => {
    const key = { pk: { S: `job#${job}` } };
    const { Item } = await fleet.clients.dynamodb.send(
      new GetItemCommand({ TableName: fleet.stack.table, Key: key }),
    );
    const output = readOutput(Item);
    if (Number(Item?.['exitStatus']?.N ?? 0) !== 0) throw new Error(output);
    return Item?.['state']?.S === 'succeeded' && output;
  };
  return eventually(`the output of ${tool}`, poll, withinMs);
}
