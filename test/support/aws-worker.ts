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
import { outputIn } from './job-output.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/aws-worker');
const INPUT = 'for workers';

/** Buckets of the owner's, by the variable that names them to the workers. */
export const BUCKETS = { GRANTED: 'granted-to-workers', OTHER: 'somebody-elses' };

/** A worker directory with the SDK in it, as an owner's has, and how to do away with it. */
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

/** The two buckets, one of which the workers may read. */
export function buckets(stack: Stack, fleet: WorkerFleet): void {
  const removalPolicy = RemovalPolicy.DESTROY;
  new Bucket(stack, 'Granted', { bucketName: BUCKETS.GRANTED, removalPolicy }).grantRead(fleet);
  new Bucket(stack, 'Other', { bucketName: BUCKETS.OTHER, removalPolicy });
}

/** Puts what the workers are to read into both buckets. */
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

/** A worker is the worker role, reads what was granted, and neither reads anything else nor ends instances. */
export const RIGHTS_OF_ITS_ROLE = {
  who: expect.stringMatching(
    /^arn:aws:sts::000000000000:assumed-role\/Test-FleetWorkerRole[^/]*\/mayfly-i-[0-9a-f]+$/,
  ),
  granted: INPUT,
  other: 'AccessDenied',
  end: 'AccessDenied',
};

/**
 * What a worker tells that has asked AWS: the output of a job with the body `<tool> <program>`.
 *
 * @throws Error with the output when the worker fails
 */
export async function told(
  fleet: TestFleet,
  tool: string,
  program = '-',
  withinMs = 60_000,
): Promise<string> {
  const [job] = await fleet.send(`${tool} ${program}`);
  const look = async () => {
    const key = { pk: { S: `job#${job}` } };
    const { Item } = await fleet.clients.dynamodb.send(
      new GetItemCommand({ TableName: fleet.stack.table, Key: key }),
    );
    const output = outputIn(Item);
    if (Number(Item?.['exitStatus']?.N ?? 0) !== 0) throw new Error(output);
    return Item?.['state']?.S === 'succeeded' && output;
  };
  return eventually(`what ${tool} tells`, look, withinMs);
}
