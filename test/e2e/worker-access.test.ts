import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addBuckets,
  askWorker,
  awsWorkerDirectory,
  BUCKETS,
  fillBuckets,
  ROLE_PERMISSIONS,
} from '../support/aws-worker.ts';
import { startFleet, type TestFleet } from '../support/fleet.ts';

const START_MS = 180_000;

const { workerDirectory, remove } = awsWorkerDirectory();
afterAll(remove);

const PROPS = { command: ['./ask'], workerDirectory, environment: BUCKETS };

let fleet: TestFleet;

async function firstThatRuns(candidates: string[][]): Promise<string | undefined> {
  for (const [program = '', ...args] of candidates) {
    const { exitCode } = await execa(program, args, { reject: false });
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

describe('workers with their own role', () => {
  beforeAll(async () => {
    fleet = await startFleet(PROPS, { around: addBuckets });
    await fillBuckets(fleet);
  }, START_MS);
  afterAll(() => fleet.close());

  it(
    'get it in boto3, as a container does',
    async (test) => {
      const python = await withBoto3();
      if (!python) return test.skip('needs Python with boto3');
      const answer = JSON.parse(await askWorker(fleet, 'boto3', python));
      expect(answer).toEqual({ ...ROLE_PERMISSIONS, method: 'container-role' });
    },
    START_MS,
  );

  it(
    'get it in the AWS CLI',
    async (test) => {
      const aws = await awsCli();
      if (!aws) return test.skip('needs the AWS CLI');
      expect(JSON.parse(await askWorker(fleet, 'cli', aws))).toEqual(ROLE_PERMISSIONS);
    },
    START_MS,
  );

  it(
    'get it in the JavaScript SDK',
    async () => {
      expect(JSON.parse(await askWorker(fleet, 'javascript', 'node'))).toEqual(ROLE_PERMISSIONS);
    },
    START_MS,
  );

  it(
    'have no other AWS variables in their environment',
    async () => {
      expect((await askWorker(fleet, 'environment')).trim().split('\n')).toEqual([
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

describe('workers without a role', () => {
  beforeAll(async () => {
    fleet = await startFleet({ ...PROPS, workerAwsAccess: 'none' });
  }, START_MS);
  afterAll(() => fleet.close());

  it(
    'have only the variable that disables the metadata service',
    async () => {
      expect((await askWorker(fleet, 'environment')).trim()).toBe('AWS_EC2_METADATA_DISABLED');
    },
    START_MS,
  );

  it(
    'find no credentials with boto3',
    async (test) => {
      const python = await withBoto3();
      if (!python) return test.skip('needs Python with boto3');
      expect(JSON.parse(await askWorker(fleet, 'boto3', python))).toEqual({ method: null });
    },
    START_MS,
  );

  it(
    'find none with the JavaScript SDK',
    async () => {
      const none = 'CredentialsProviderError';
      const answer = JSON.parse(await askWorker(fleet, 'javascript', 'node'));
      expect(answer).toEqual({ who: none, granted: none, other: none, end: none });
    },
    START_MS,
  );
});
