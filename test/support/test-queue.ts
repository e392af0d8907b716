import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import {
  type ChangeMessageVisibilityBatchCommandInput,
  GetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { execa } from 'execa';
import { pino } from 'pino';
import * as v from 'valibot';
import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  type AgentConfig,
  type AgentConfigInput,
  AgentConfigSchema,
} from '../../agent/config/agent-config.ts';
import { openWorkerAccess } from '../../agent/credentials/worker-access.ts';
import { toFleetCommands } from '../../agent/runner/create-runner.ts';
import { ProcessRunner } from '../../agent/runner/process-runner.ts';
import type { Runner } from '../../agent/runner/runner.ts';
import { WorkerDisk } from '../../agent/runner/worker-disk.ts';
import { workerEnvironment } from '../../agent/runner/worker-environment.ts';
import { openWorkerSecrets } from '../../agent/secrets/worker-secrets.ts';
import { RefusalTracker } from '../../agent/supervision/refusals.ts';
import { createJobLoop } from '../../agent/work/job-loop.ts';
import type { JobLoop } from '../../agent/work/types.ts';
import { type Clients, createClients } from '../../aws/clients.ts';
import { type Clock, systemClock } from '../../aws/clock.ts';
import { createStsClients } from '../../aws/sts-clients.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import type { Broken } from '../../policy/retirement.ts';
import { JobTable } from '../../store/job-table.ts';
import { eventually } from './eventually.ts';
import { createJobTable } from './job-table.ts';

const TABLE = 'jobs';

/** A queue, its dead-letter queue and a job table in the embedded cloud, and the job loops of agents. */
export interface TestQueue {
  cloud: Cloud;
  clients: Clients;
  table: JobTable;
  queueUrl: string;
  deadLetterQueueUrl: string;
  /** A directory of this test. */
  directory: string;
  send(body: string, attributes?: Record<string, MessageAttributeValue>): Promise<string>;
  /** A job loop with a worker that runs `script` in a shell, or with the test's runner and clock. Paused until `resume`. */
  agent(script: string, config?: Partial<AgentConfigInput>, runner?: Runner, clock?: Clock): Promise<Agent>;
  /** From now on, makes messages that agents requeue visible at once. The clocks of the agents must not advance. */
  requeueAtOnce(): void;
  /** The number of visible messages, and of those in flight. */
  depth(): Promise<{ visible: number; held: number }>;
  /** Resolves when the queue has no messages. */
  empty(): Promise<void>;
  deadLetters(): Promise<Message[]>;
  /** Creates an empty file in the workers' directory, for which a worker can wait. */
  touch(name: string): Promise<void>;
  /** The lines that workers wrote to `$JOURNAL`. */
  journal(): Promise<string[]>;
}

export interface Agent {
  work: JobLoop;
  /** Its log lines, as objects. */
  lines: Record<string, unknown>[];
  /** Resolves when this number of jobs have run and the agent is idle. */
  done(jobs: number): Promise<void>;
  /** Resolves when the agent finds that the instance is broken. */
  broken: Promise<Broken>;
  /** Resolves when a worker runs. */
  busy(): Promise<void>;
}

/** Opens a cloud for each test file and queues for each test: `const bench = testQueues()` at the top of a file. */
export function testQueues(): () => Promise<TestQueue> {
  let cloud: Cloud;
  let clients: Clients;
  let home: string;
  const works: JobLoop[] = [];
  const closings: (() => Promise<void>)[] = [];
  const drains: Promise<void>[] = [];
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'mayfly-jobs-'));
    cloud = await startCloud({ directory: home });
    // The agent's clients find the cloud by these variables.
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
      AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
    });
    clients = createClients(cloud.region);
    await createJobTable(cloud, TABLE);
  });
  afterEach(() => {
    cloud.faults.clear();
    clients.sqs.middlewareStack.remove('handBackAtOnce');
    // A drain waits for the current long poll. The next test has its own queues and need not wait for it.
    drains.push(...works.splice(0).map((work) => work.drain(0)));
    drains.push(...closings.splice(0).map((close) => close()));
  });
  afterAll(async () => {
    await Promise.all(drains);
    clients.destroy();
    await cloud.close();
    await rm(home, { recursive: true, force: true });
  });
  let made = 0;
  return async () => {
    made += 1;
    return setUp(cloud, clients, await mkdtemp(join(home, 'test-')), `q${made}`, works, closings);
  };
}

async function setUp(
  cloud: Cloud,
  clients: Clients,
  directory: string,
  name: string,
  works: JobLoop[],
  closings: (() => Promise<void>)[],
): Promise<TestQueue> {
  const queueUrl = await createQueue(cloud, name);
  const deadLetterQueueUrl = await createQueue(cloud, `${name}-dead`);
  const environment = { JOURNAL: join(directory, 'journal'), DIRECTORY: directory };
  const defaults: AgentConfigInput = {
    version: 1,
    fleet: 'test',
    region: cloud.region,
    queueUrl,
    deadLetterQueueUrl,
    table: TABLE,
    command: ['true'],
    graceSeconds: 0.2,
    retryBackoff: { firstSeconds: 0, longestSeconds: 0 },
  };
  const depth = () => depthOf(clients, queueUrl);
  return {
    cloud,
    clients,
    table: new JobTable(clients.dynamodb, TABLE),
    ...{ queueUrl, deadLetterQueueUrl },
    directory,
    depth,
    requeueAtOnce: () => handBackAtOnce(clients),
    touch: (file) => writeFile(join(directory, file), ''),
    async send(body, attributes) {
      const message = { QueueUrl: queueUrl, MessageBody: body, MessageAttributes: attributes };
      const { MessageId } = await clients.sqs.send(new SendMessageCommand(message));
      return String(MessageId);
    },
    async agent(script, config = {}, runner, clock) {
      const command = ['sh', '-c', script, 'worker'];
      const parsed = v.parse(AgentConfigSchema, { ...defaults, command, environment, ...config });
      const agent = await startAgent(parsed, clients, directory, closings, runner, clock);
      works.push(agent.work);
      return agent;
    },
    async empty() {
      await eventually('the queue to be empty', async () => {
        const { visible, held } = await depth();
        return visible + held === 0;
      });
    },
    deadLetters: () => receiveAll(clients, deadLetterQueueUrl),
    async journal() {
      const text = await readFile(environment.JOURNAL, 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line !== '');
    },
  };
}

async function startAgent(
  config: AgentConfig,
  clients: Clients,
  directory: string,
  closings: (() => Promise<void>)[],
  given?: Runner,
  clock: Clock = systemClock,
): Promise<Agent> {
  const lines: Record<string, unknown>[] = [];
  const output = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const runner = given ?? (await plainRunner(config, directory));
  const broken = Promise.withResolvers<Broken>();
  const log = pino({ level: 'debug', base: null }, output);
  const shared = { config, instance: 'i-test', clock, random: Math.random, log };
  const work = createJobLoop({
    ...shared,
    onBroken: broken.resolve,
    clients,
    runner,
    disk: new WorkerDisk({ paths: [directory], minFreeBytes: config.minFreeDiskBytes, clock, log }),
    ...(await openRoleAndSecrets(shared, closings)),
  });
  const when = (is: () => boolean) => changedTo(work, is);
  return {
    work,
    lines,
    broken: broken.promise,
    done: (jobs) => when(() => work.state().jobsDone >= jobs && work.state().idleSinceMs !== undefined),
    busy: () => when(() => work.state().running > 0),
  };
}

/** Workers have a role and secrets if the configuration names a role. */
async function openRoleAndSecrets(
  shared: Omit<Parameters<typeof openWorkerAccess>[0], 'clients' | 'refusals'> & { config: AgentConfig },
  closings: (() => Promise<void>)[],
) {
  const refusals = new RefusalTracker(shared.clock);
  const clients = createStsClients(shared.config.region, shared.clock);
  const access = await openWorkerAccess({ ...shared, clients, refusals });
  const secrets = openWorkerSecrets({ ...shared, access, refusals });
  closings.push(async () => {
    secrets?.close();
    await access?.close();
    clients.destroy();
  });
  return { access, secrets, refusals };
}

function handBackAtOnce({ sqs }: Clients): void {
  sqs.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        const input = args.input as ChangeMessageVisibilityBatchCommandInput;
        if (commandName === 'ChangeMessageVisibilityBatchCommand') {
          for (const entry of input.Entries ?? []) entry.VisibilityTimeout = 0;
        }
        return next(args);
      },
    { step: 'initialize', name: 'handBackAtOnce', override: true },
  );
}

async function plainRunner(config: AgentConfig, directory: string): Promise<Runner> {
  const runner = new ProcessRunner({
    ...toFleetCommands(config),
    environment: workerEnvironment(process.env, config.environment),
    directory,
    clock: systemClock,
  });
  await runner.check();
  return runner;
}

/** Whether the process runs. A zombie does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await execa('ps', ['-o', 'stat=', '-p', String(pid)], { reject: false });
  return stdout !== '' && !stdout.startsWith('Z');
}

function changedTo(work: JobLoop, is: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!is()) return;
      stop();
      resolve();
    };
    const stop = work.onChange(look);
    look();
  });
}

async function createQueue(cloud: Cloud, name: string): Promise<string> {
  const { QueueUrl } = await cloud.call('sqs', 'CreateQueue', { QueueName: name });
  return String(QueueUrl);
}

async function depthOf({ sqs }: Clients, QueueUrl: string) {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  return {
    visible: Number(Attributes.ApproximateNumberOfMessages),
    held: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
  };
}

async function receiveAll({ sqs }: Clients, QueueUrl: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    if (Messages.length === 0) return all;
    all.push(...Messages);
  }
}
