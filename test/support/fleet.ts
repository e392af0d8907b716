import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { paginateDescribeInstances } from '@aws-sdk/client-ec2';
import { Duration, type Stack } from 'aws-cdk-lib';
import type { Verdict } from '../../checker/facts.ts';
import { gatherFacts, type StackNames } from '../../checker/gather.ts';
import { type JournalLine, parseJournal } from '../../checker/journal.ts';
import { judge } from '../../checker/judge.ts';
import { type OperatorClients, operatorClients } from '../../demo/clients.ts';
import { sendJobs } from '../../demo/send.ts';
import { readFleetState } from '../../demo/watch.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { type Cloud, type CloudOptions, startCloud } from '../../local/cloud.ts';
import { type AddResources, createStack, deleteStack, type Synthesised, synthesise } from './deploy.ts';
import { eventually } from './eventually.ts';

/**
 * Real seconds: the speed of the embedded cloud does not change the agents. A lease of 4 s is sometimes lost when both cores
 * are busy, which costs an attempt.
 */
const LEASE_SECONDS = 15;
const LAST_LINES = 20;
/** A minute of AWS's own periods passes in a second. */
const SPEED = 60;

/** The directory of the test worker, which fleets deploy. */
export const WORKER_DIRECTORY = join(import.meta.dirname, '../fixtures/worker');

/** The body of a job: what the test worker `test/fixtures/worker/worker.mjs` does. */
export interface WorkerOrders {
  sleepMs?: number;
  exit?: number;
  failAttempts?: number;
  failStatus?: number;
  untilFile?: string;
  ignoreSigterm?: boolean;
  grandchild?: boolean;
  print?: number;
  shell?: string;
}

/** A fleet on its own cloud, used from outside. */
export interface TestFleet {
  cloud: Cloud;
  clients: OperatorClients;
  stack: StackNames;
  directory: string;
  /** Sends jobs. The checker accounts for each. */
  send(...orders: (WorkerOrders | string)[]): Promise<string[]>;
  /** Makes the checker account for jobs that were sent in another way. */
  account(...jobs: string[]): void;
  journal(): Promise<JournalLine[]>;
  /** Waits for the first line of the journal of this kind. */
  event(event: JournalLine['event'], job: string, attempt?: number): Promise<JournalLine>;
  /** Ids of the instances that are not terminated. */
  instances(): Promise<string[]>;
  /** The instance that runs a job now. */
  ownerOf(job: string): Promise<string>;
  /** Process id of an instance's agent. */
  agentPid(instance: string): Promise<number>;
  /** Waits until no message is queued or in flight, and no instance runs or is desired. */
  backToZero(withinMs?: number): Promise<void>;
  deleteStack(): Promise<void>;
  judge(): Promise<Verdict>;
  /** For the message of a failed test: the journal, and the end of each instance's log. */
  failureDetails(): Promise<string>;
  close(): Promise<void>;
}

export interface FleetOptions extends Partial<CloudOptions> {
  /** Adds further resources to the stack. */
  around?: AddResources;
  /** Props that use resources of the stack. */
  makeProps?: (stack: Stack) => WorkerFleetProps;
  /** Runs before the stack is created. */
  prepare?: (cloud: Cloud) => Promise<void>;
  /** The path of the workers' journal on machines, and on this host. */
  journal?: { there: string; here: string };
  /** The default of all time-outs. Default 20 s. */
  timeoutMs?: number;
}

/** @param options `directory` belongs to the fleet and is deleted with it */
export async function startFleet(
  props: WorkerFleetProps = NO_PROPS,
  { around, makeProps, prepare, journal, timeoutMs, ...options }: FleetOptions = {},
): Promise<TestFleet> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'mayfly-e2e-')));
  const journalFile = journal?.here ?? join(directory, 'journal.jsonl');
  const cloud = await startCloud({ speed: SPEED, ...options, directory });
  const clients = operatorClients(cloud);
  const close = async () => {
    clients.destroy();
    await cloud.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await prepare?.(cloud);
    const { template, assets } = synthesiseOnce(props, around, makeProps);
    // A synth takes seconds, so fleets with the same props share a template. The path of the journal is inserted here.
    const there = journal?.there ?? journalFile;
    const outputs = await createStack(cloud, {
      template: template.replaceAll(JOURNAL, there),
      assets: journal === undefined ? assets.filter(({ key }) => !key.endsWith(NODE)) : assets,
    });
    const stack = namesOf(outputs, props);
    const onMachines = journal !== undefined;
    const leaseSeconds = props.lease?.toSeconds() ?? LEASE_SECONDS;
    return new Fleet({
      cloud,
      clients,
      directory,
      journalFile,
      leaseSeconds,
      onMachines,
      timeoutMs,
      stack,
      close,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

const NO_PROPS: WorkerFleetProps = {};
const JOURNAL = '@journal@';
/** The asset with Node.js (50 MB), which only machines download. */
const NODE = '.tgz';

const DEFAULTS: WorkerFleetProps = {
  fleetName: 'test',
  command: ['node', './worker.mjs'],
  workerDirectory: WORKER_DIRECTORY,
  environment: { JOURNAL },
  maxCapacity: 3,
  lease: Duration.seconds(LEASE_SECONDS),
  grace: Duration.seconds(1),
  retryBackoff: { first: Duration.seconds(1) },
  idleTimeout: Duration.seconds(1.5),
  reportInterval: Duration.seconds(1),
  noticeInterval: Duration.seconds(0.2),
  cancelInterval: Duration.seconds(0.3),
  retirementBudget: Duration.seconds(6),
};

/** With billing by the hour an idle timeout is refused. */
export function withDefaults(defaults: WorkerFleetProps, props: WorkerFleetProps = {}): WorkerFleetProps {
  const { idleTimeout: _, ...byTheHour } = defaults;
  return { ...(props.billing === 'per-hour' ? byTheHour : defaults), ...props };
}

const synthesised = new Map<WorkerFleetProps, Synthesised>();

function synthesiseOnce(
  props: WorkerFleetProps,
  around: AddResources | undefined,
  made: FleetOptions['makeProps'],
): Synthesised {
  const known = synthesised.get(props);
  if (known) return known;
  const fresh = synthesise((stack) => withDefaults(DEFAULTS, { ...props, ...made?.(stack) }), around);
  synthesised.set(props, fresh);
  return fresh;
}

function namesOf(outputs: ReadonlyMap<string, string>, props: WorkerFleetProps): StackNames {
  const output = (name: string): string => {
    const value = outputs.get(`Fleet${name}`);
    if (value === undefined)
      throw new Error(`no output Fleet${name}, only ${[...outputs.keys()].join(', ')}`);
    return value;
  };
  return {
    queueUrl: output('QueueUrl'),
    deadLetterQueueUrl: output('DeadLetterQueueUrl'),
    group: output('GroupName'),
    logBucket: output('LogBucketName'),
    ...(props.trackJobs === false ? {} : { table: output('TableName') }),
  };
}

interface Parts {
  cloud: Cloud;
  clients: OperatorClients;
  directory: string;
  journalFile: string;
  leaseSeconds: number;
  onMachines: boolean;
  timeoutMs: number | undefined;
  stack: StackNames;
  close: () => Promise<void>;
}

class Fleet implements TestFleet {
  readonly cloud: Cloud;
  readonly clients: OperatorClients;
  readonly directory: string;
  readonly stack: StackNames;
  readonly close: () => Promise<void>;
  readonly #journalFile: string;
  readonly #leaseSeconds: number;
  readonly #onMachines: boolean;
  readonly #timeoutMs: number | undefined;
  readonly #sent: string[] = [];
  #deleted = false;

  constructor(parts: Parts) {
    this.cloud = parts.cloud;
    this.clients = parts.clients;
    this.directory = parts.directory;
    this.stack = parts.stack;
    this.close = parts.close;
    this.#journalFile = parts.journalFile;
    this.#leaseSeconds = parts.leaseSeconds;
    this.#onMachines = parts.onMachines;
    this.#timeoutMs = parts.timeoutMs;
  }

  async send(...orders: (WorkerOrders | string)[]): Promise<string[]> {
    const bodies = orders.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    const jobs = await sendJobs(this.clients.sqs, this.stack.queueUrl, bodies);
    this.#sent.push(...jobs);
    return jobs;
  }

  account(...jobs: string[]): void {
    this.#sent.push(...jobs);
  }

  async journal(): Promise<JournalLine[]> {
    const text = await readFile(this.#journalFile, 'utf8').catch(() => '');
    return parseJournal(text);
  }

  event(event: JournalLine['event'], job: string, attempt?: number): Promise<JournalLine> {
    const wanted = (line: JournalLine) =>
      line.event === event && line.job === job && (attempt ?? line.attempt) === line.attempt;
    const find = async () => (await this.journal()).find(wanted);
    return eventually(`'${event}' of ${job} in the journal`, find, this.#timeoutMs);
  }

  async instances(): Promise<string[]> {
    const ids: string[] = [];
    for await (const { Reservations = [] } of paginateDescribeInstances({ client: this.clients.ec2 }, {})) {
      for (const { InstanceId = '', State } of Reservations.flatMap(({ Instances = [] }) => Instances)) {
        if (State?.Name !== 'terminated') ids.push(InstanceId);
      }
    }
    return ids;
  }

  ownerOf(job: string): Promise<string> {
    const Key = { pk: { S: `job#${job}` } };
    const readOwner = async () => {
      const { Item } = await this.clients.dynamodb.send(
        new GetItemCommand({ TableName: this.stack.table, Key }),
      );
      return Item?.['state']?.S === 'running' && Item['instance']?.S;
    };
    return eventually(`an owner of ${job}`, readOwner, this.#timeoutMs);
  }

  async agentPid(instance: string): Promise<number> {
    const file = join(this.directory, 'instances', instance, 'disk/run/agent.pid');
    return Number(await eventually(file, () => readFile(file, 'utf8').catch(() => undefined)));
  }

  async backToZero(withinMs = this.#timeoutMs ?? 75_000): Promise<void> {
    await eventually(
      'the fleet to go back to zero',
      async () => {
        const { queueUrl, group } = this.stack;
        const { visible, inFlight, desired } = await readFleetState(this.clients, queueUrl, group);
        return visible + inFlight + desired + (await this.instances()).length === 0;
      },
      withinMs,
    );
  }

  async deleteStack(): Promise<void> {
    await deleteStack(this.cloud);
    this.#deleted = true;
  }

  async judge(): Promise<Verdict> {
    const facts = await gatherFacts({
      sent: this.#sent,
      journal: this.#journalFile,
      calls: this.cloud.logFile,
      leaseSeconds: this.#leaseSeconds,
      clients: this.clients,
      workersElsewhere: this.#onMachines,
      stack: this.#deleted ? undefined : this.stack,
    });
    return judge(facts);
  }

  async failureDetails(): Promise<string> {
    const journal = (await this.journal()).filter(({ event }) => event !== 'beat');
    const instances = join(this.directory, 'instances');
    const logs = (await readdir(instances).catch(() => [])).map(async (id) => {
      const text = await readFile(join(instances, id, 'instance.log'), 'utf8').catch(() => '');
      return [id, ...text.split('\n').slice(-LAST_LINES)].join('\n');
    });
    return [...journal.map((line) => JSON.stringify(line)), ...(await Promise.all(logs))].join('\n');
  }
}
