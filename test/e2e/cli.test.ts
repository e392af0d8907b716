import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatherFacts, type StackNames } from '../../checker/gather.ts';
import { parseJournal } from '../../checker/journal.ts';
import { judge } from '../../checker/judge.ts';
import { formatVerdict } from '../../checker/report.ts';
import {
  type CloudAccess,
  type OperatorClients,
  operatorClients,
  operatorEnvironment,
} from '../../demo/clients.ts';
import { sendJobs } from '../../demo/send.ts';
import { readFleetState } from '../../demo/watch.ts';
import { eventually } from '../support/eventually.ts';
import { readOutput } from '../support/job-output.ts';
import { readyAccess } from '../support/ready.ts';

const ROOT = join(import.meta.dirname, '../..');
const CHANGED_APP = ['--app', 'node test/fixtures/app.ts'];
/** Uses the cloud assembly of the last deployment, as an owner's pipeline does, without running the app again. */
const asDeployed = () => ['--app', join(directory, 'cdk.out')];
const CDK_MS = 240_000;

let directory: string;
let local: ReturnType<typeof spawn>;
let endpoint: string;
let access: CloudAccess;
let clients: OperatorClients;

/** `npx mayfly local` in its own process, as in another shell of a user. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-cli-'));
  const options = ['--json', '--port', '0', '--speed', '60', '--directory', join(directory, 'cloud')];
  local = spawn(process.execPath, ['bin/mayfly.js', 'local', ...options], { cwd: ROOT, stdio: 'pipe' });
  if (!local.stdout) throw new Error('no output to read');
  const lines = createInterface(local.stdout);
  const [first] = await once(lines, 'line');
  lines.resume();
  access = readyAccess(first);
  ({ endpoint } = access);
  clients = operatorClients(access);
}, CDK_MS);

afterAll(async () => {
  clients?.destroy();
  const gone = once(local, 'exit');
  local.kill('SIGTERM');
  await gone;
  await rm(directory, { recursive: true, force: true });
}, CDK_MS);

describe('the default app, deployed with the unmodified cdk', () => {
  let stack: StackNames;

  it(
    'deploys',
    async () => {
      stack = await deploy([]);
      expect(stack.queueUrl).toContain(endpoint);
    },
    CDK_MS,
  );

  it(
    'shows no difference to what is deployed',
    async () => {
      const { exitCode, all } = await cdk(['diff', '--fail', ...asDeployed()]);
      expect(exitCode, all).toBe(0);
    },
    CDK_MS,
  );

  it(
    'runs a bare id sent by boto3',
    async (test) => {
      const python = await firstThatRuns([
        ['python3', '-c', 'import boto3'],
        ['/usr/bin/python3', '-c', 'import boto3'],
      ]);
      if (!python) return test.skip('needs Python with boto3');
      const script = [
        'import boto3, sys',
        'sqs = boto3.client("sqs", endpoint_url=sys.argv[1])',
        'print(sqs.send_message(QueueUrl=sys.argv[2], MessageBody="4711")["MessageId"])',
      ].join('\n');
      const { stdout } = await tool(python, ['-c', script, endpoint, stack.queueUrl]);
      expect(await outputOf(stack, stdout.trim())).toContain('argument: 4711');
    },
    CDK_MS,
  );

  it(
    'runs a bare id sent by the AWS CLI',
    async (test) => {
      const aws = await firstThatRuns([
        ['/usr/bin/aws', '--version'],
        ['aws', '--version'],
      ]);
      if (!aws) return test.skip('needs the AWS CLI');
      const send = ['sqs', 'send-message', '--queue-url', stack.queueUrl, '--message-body', '4712'];
      const { stdout } = await tool(aws, ['--endpoint-url', endpoint, '--output', 'json', ...send]);
      const { MessageId } = JSON.parse(stdout) as { MessageId: string };
      expect(await outputOf(stack, MessageId)).toContain('argument: 4712');
    },
    CDK_MS,
  );
});

describe('an owner who updates a fleet and deletes another one', () => {
  let stack: StackNames;
  let leaving: ReturnType<typeof cdk>;
  const sent: string[] = [];

  it(
    'updates it in place without affecting a running job',
    async () => {
      // Its idle instance reads its group once a minute, so the deletion runs in the background.
      await rename(join(directory, 'cdk.out'), join(directory, 'cdk.out.leaving'));
      leaving = cdk(['destroy', '--force', '--app', join(directory, 'cdk.out.leaving')]);
      stack = await deploy(CHANGED_APP);
      const untilFile = join(directory, 'changed');
      const [job = ''] = await send({ untilFile });
      await started(job);
      const changed = await deploy(CHANGED_APP, { TEST_MAX_CAPACITY: '4' });
      expect(changed).toEqual(stack);
      expect(await endOf(job)).toBeUndefined();
      await writeFile(untilFile, '');
      await eventually('the end of the job', () => endOf(job), 30_000);
      expect(await endOf(job)).toMatchObject({ attempt: 1, status: 0 });
    },
    3 * CDK_MS,
  );

  it(
    'deletes it while two instances are busy, and nothing is left',
    async () => {
      const untilFile = join(directory, 'destroyed');
      const jobs = await send({ untilFile }, { untilFile });
      for (const job of jobs) await started(job);
      const desired = async () => (await readFleetState(clients, stack.queueUrl, stack.group)).desired;
      expect(await desired()).toBeGreaterThanOrEqual(2);
      const destroying = cdk(['destroy', '--force', ...asDeployed()]);
      await eventually('the deletion to reach the group', async () => (await desired()) === 0, 120_000);
      for (const job of jobs) expect(await endOf(job)).toBeUndefined();
      await writeFile(untilFile, '');
      for (const { exitCode, all } of [await destroying, await leaving]) {
        expect(exitCode, all).toBe(0);
      }
      const verdict = judge(await gatherFacts({ ...checkerInput(sent), stack: undefined }));
      expect(verdict.violations, formatVerdict(verdict)).toEqual([]);
      expect(verdict.counts).toMatchObject({ succeeded: 3, runs: 3 });
    },
    2 * CDK_MS,
  );

  async function send(...orders: object[]): Promise<string[]> {
    const jobs = await sendJobs(
      clients.sqs,
      stack.queueUrl,
      orders.map((order) => JSON.stringify(order)),
    );
    sent.push(...jobs);
    return jobs;
  }
});

function checkerInput(sent: readonly string[]) {
  const calls = join(directory, 'cloud', 'calls.jsonl');
  return { sent, journal: journalFile(), calls, leaseSeconds: 15, clients };
}

function cdk(args: string[], environment: Record<string, string> = {}) {
  return execa('cdk', [...args, '--no-color', '--ci'], {
    preferLocal: true,
    cwd: ROOT,
    // The first deployment has validated the template already.
    env: {
      ...operatorEnvironment(access),
      CDK_VALIDATION: String(!args.some((arg) => CHANGED_APP.includes(arg))),
      TEST_JOURNAL: journalFile(),
      ...environment,
    },
    extendEnv: false,
    all: true,
    reject: false,
  });
}

async function deploy(args: string[], environment: Record<string, string> = {}): Promise<StackNames> {
  const file = join(directory, 'outputs.json');
  const options = [
    '--require-approval',
    'never',
    '--outputs-file',
    file,
    '--output',
    join(directory, 'cdk.out'),
  ];
  const { exitCode, all } = await cdk(['deploy', ...args, ...options], environment);
  expect(exitCode, all).toBe(0);
  const stacks = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, string>>;
  const [outputs] = Object.values(stacks);
  return {
    queueUrl: outputs?.['FleetQueueUrl'] ?? '',
    deadLetterQueueUrl: outputs?.['FleetDeadLetterQueueUrl'] ?? '',
    table: outputs?.['FleetTableName'] ?? '',
    logBucket: outputs?.['FleetLogBucketName'] ?? '',
    group: outputs?.['FleetGroupName'] ?? '',
  };
}

function tool(program: string, args: string[]) {
  return execa(program, args, { env: operatorEnvironment(access), extendEnv: false });
}

async function firstThatRuns(candidates: string[][]): Promise<string | undefined> {
  for (const [program = '', ...args] of candidates) {
    const { exitCode } = await execa(program, args, { reject: false });
    if (exitCode === 0) return program;
  }
  return undefined;
}

/** Waits until the job has succeeded. Returns its output. */
function outputOf({ table = '' }: StackNames, messageId: string): Promise<string> {
  return eventually(
    `job m-${messageId} to succeed`,
    async () => {
      const { Item } = await clients.dynamodb.send(
        new GetItemCommand({ TableName: table, Key: { pk: { S: `job#m-${messageId}` } } }),
      );
      return Item?.['state']?.S === 'succeeded' && readOutput(Item);
    },
    120_000,
  );
}

const journalFile = () => join(directory, 'journal.jsonl');

async function journalLine(event: string, job: string) {
  const text = await readFile(journalFile(), 'utf8').catch(() => '');
  return parseJournal(text).find((line) => line.event === event && line.job === job);
}

const started = (job: string) => eventually(`${job} to start`, () => journalLine('start', job), 120_000);
const endOf = (job: string) => journalLine('end', job);
