import { join } from 'node:path';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OWNER } from '../../demo/clients.ts';
import type { WorkerFleet } from '../../infra/worker-fleet.ts';
import { eventually } from '../support/eventually.ts';
import { startFleet, type TestFleet } from '../support/fleet.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_MS = 60_000;
const BUCKETS = { GRANTED: 'granted-to-workers', OTHER: 'somebody-elses' };

const PROPS = {
  command: ['./ask'],
  workerDirectory: join(import.meta.dirname, '../fixtures/aws-worker'),
  environment: BUCKETS,
};

/** Two buckets of the owner's, one of which the workers may read. */
function buckets(stack: Stack, fleet: WorkerFleet): void {
  const removalPolicy = RemovalPolicy.DESTROY;
  new Bucket(stack, 'Granted', { bucketName: BUCKETS.GRANTED, removalPolicy }).grantRead(fleet);
  new Bucket(stack, 'Other', { bucketName: BUCKETS.OTHER, removalPolicy });
}

let fleet: TestFleet;

/** What a worker tells that has asked AWS with a tool. */
async function told(tool: string, program: string): Promise<string> {
  const [job] = await fleet.send(`${tool} ${program}`);
  return eventually(
    `what ${tool} tells`,
    async () => {
      const key = { pk: { S: `job#${job}` } };
      const { Item } = await fleet.clients.dynamodb.send(
        new GetItemCommand({ TableName: fleet.stack.table, Key: key }),
      );
      if (Item?.['state']?.S === 'queued' && Item['attempts']?.N === '1') throw new Error(Item['output']?.S);
      return Item?.['state']?.S === 'succeeded' && (Item['output']?.S ?? '');
    },
    START_MS,
  );
}

async function firstThatRuns(candidates: string[][]): Promise<string | undefined> {
  for (const [program = '', ...words] of candidates) {
    const { exitCode } = await execa(program, words, { reject: false });
    if (exitCode === 0) return program;
  }
  return undefined;
}

const withBoto3 = () =>
  firstThatRuns([
    ['/usr/bin/python3', '-c', 'import boto3'],
    ['python3', '-c', 'import boto3'],
  ]);
const awsCli = () =>
  firstThatRuns([
    ['/usr/bin/aws', '--version'],
    ['aws', '--version'],
  ]);

describe('workers with a role of their own', () => {
  afterAll(() => fleet.close());
  beforeAll(async () => {
    fleet = await startFleet(PROPS, { around: buckets });
    const s3 = new S3Client({
      endpoint: fleet.cloud.endpoint,
      region: fleet.cloud.region,
      credentials: OWNER,
      forcePathStyle: true,
    });
    for (const Bucket of Object.values(BUCKETS)) {
      await s3.send(new PutObjectCommand({ Bucket, Key: 'input', Body: 'for workers' }));
    }
    s3.destroy();
  }, START_MS);

  /** It is the worker role, reads what was granted, and neither reads anything else nor ends instances. */
  const expected = {
    who: expect.stringMatching(
      /^arn:aws:sts::000000000000:assumed-role\/Test-FleetWorkerRole[^/]*\/mayfly-i-[0-9a-f]+$/,
    ),
    granted: 'for workers',
    other: 'AccessDenied',
    end: 'AccessDenied',
  };

  it(
    'get it in boto3, as a container does',
    async (test) => {
      const python = await withBoto3();
      if (!python) return test.skip('needs Python with boto3');
      expect(JSON.parse(await told('boto3', python))).toEqual({ ...expected, method: 'container-role' });
    },
    START_MS,
  );

  it(
    'get it in the AWS CLI',
    async (test) => {
      const aws = await awsCli();
      if (!aws) return test.skip('needs the AWS CLI');
      expect(JSON.parse(await told('cli', aws))).toEqual(expected);
    },
    START_MS,
  );

  it(
    'get it in the JavaScript SDK',
    async () => {
      expect(JSON.parse(await told('javascript', ROOT))).toEqual(expected);
    },
    START_MS,
  );

  it(
    "find nothing else of AWS's in their environment",
    async () => {
      expect((await told('environment', '-')).trim().split('\n')).toEqual([
        'AWS_CONTAINER_AUTHORIZATION_TOKEN',
        'AWS_CONTAINER_CREDENTIALS_FULL_URI',
        'AWS_DEFAULT_REGION',
        'AWS_EC2_METADATA_DISABLED',
        'AWS_ENDPOINT_URL',
        'AWS_REGION',
      ]);
    },
    START_MS,
  );
});

describe('workers without', () => {
  afterAll(() => fleet.close());
  beforeAll(async () => {
    fleet = await startFleet({ ...PROPS, workerAwsAccess: 'none' });
  }, START_MS);

  it(
    'are told to keep off the metadata, and nothing else',
    async () => {
      expect((await told('environment', '-')).trim()).toBe('AWS_EC2_METADATA_DISABLED');
    },
    START_MS,
  );

  it(
    'find no credentials with boto3',
    async (test) => {
      const python = await withBoto3();
      if (!python) return test.skip('needs Python with boto3');
      expect(JSON.parse(await told('boto3', python))).toEqual({ method: null });
    },
    START_MS,
  );

  it(
    'find none with the JavaScript SDK',
    async () => {
      const answer = JSON.parse(await told('javascript', ROOT));
      expect(answer).toEqual({
        who: 'CredentialsProviderError',
        granted: 'CredentialsProviderError',
        other: 'CredentialsProviderError',
        end: 'CredentialsProviderError',
      });
    },
    START_MS,
  );
});
