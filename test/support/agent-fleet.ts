import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { afterEach } from 'vitest';
import { type AgentConfig, AgentConfigSchema } from '../../agent/config/agent-config.ts';
import { openWorkerAccess } from '../../agent/credentials/worker-access.ts';
import { type Lifecycle, startLifecycle } from '../../agent/lifecycle/lifecycle.ts';
import { ProcessRunner } from '../../agent/runner/process-runner.ts';
import { workerEnvironment } from '../../agent/runner/worker-environment.ts';
import { openWorkerSecrets } from '../../agent/secrets/worker-secrets.ts';
import { RefusalTracker } from '../../agent/supervision/refusals.ts';
import { NO_SUPERVISOR, type Supervisor } from '../../agent/supervision/watchdog.ts';
import { createJobLoop } from '../../agent/work/job-loop.ts';
import type { JobLoop } from '../../agent/work/types.ts';
import { type Clients, createClients } from '../../aws/clients.ts';
import { type Clock, systemClock } from '../../aws/clock.ts';
import { findIdentity } from '../../aws/identity.ts';
import { createLog } from '../../aws/log.ts';
import { createStsClients } from '../../aws/sts-clients.ts';
import type { InstanceRecord } from '../../jobs/record.ts';
import type { CloudClock } from '../../local/clock.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import type { CallRecord } from '../../local/front-door/call-log.ts';
import { fromItem } from '../../store/item.ts';
import { createJobTable } from './job-table.ts';
import { FakeMachines } from './machines.ts';

/** Retirement settings with which no test becomes idle for long enough. */
export const LONG_RETIREMENT = {
  billing: 'auto',
  idleSeconds: 600,
  hourMarginSeconds: 120,
  paidPeriodSeconds: 3600,
  refusalSeconds: 300,
  ladderSeconds: 5,
} as const;
export const GROUP = 'fleet';
export const TABLE = 'jobs';
export const LOGS = 'logs';
export const LAUNCH_HOOK = 'launch';
export const TERMINATION_HOOK = 'termination';

export interface FleetOptions {
  minSize?: number;
  desired?: number;
  hooks?: boolean;
  spot?: boolean;
  /** The clock of the cloud. Default: real time. */
  clock?: CloudClock;
}

/** Group, queue and table, as the infrastructure creates them, without agents. */
export interface Fleet extends Cloud {
  directory: string;
  launcher: FakeMachines;
  /** All calls so far. */
  calls: CallRecord[];
  /** Resolves with the next call for which `is` is true. */
  nextCall(is: (call: CallRecord) => boolean): Promise<CallRecord>;
  clients: Clients;
  queueUrl: string;
  group(): Promise<{ desired: number; states: Record<string, string> }>;
  instanceRecord(instance: string): Promise<Partial<InstanceRecord>>;
  item(pk: string): Promise<Record<string, unknown> | undefined>;
  send(body: string): Promise<void>;
}

/** Closes what agents have opened. */
const closings: (() => Promise<void>)[] = [];

/** Opens the fleet of a test, and closes it afterwards: `const open = openFleet()` at the top of a file. */
export function openFleet(): (options?: FleetOptions) => Promise<Fleet> {
  let fleet: Fleet | undefined;
  afterEach(async () => {
    await Promise.all(closings.splice(0).map((close) => close()));
    await fleet?.close();
    fleet = undefined;
  });
  return async (options) => {
    fleet = await startFleet(options);
    return fleet;
  };
}

async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-life-'));
  const launcher = new FakeMachines();
  const cloud = await startCloud({ directory, launcher, ...(options.clock && { clock: options.clock }) });
  const calls: CallRecord[] = [];
  cloud.onCall((call) => calls.push(call));
  // The agent's clients find the cloud by these variables.
  process.env['AWS_ENDPOINT_URL'] = cloud.endpoint;
  process.env['AWS_ACCESS_KEY_ID'] = cloud.owner.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = cloud.owner.secretAccessKey;
  const clients = createClients('us-east-1');
  const { QueueUrl } = await cloud.call('sqs', 'CreateQueue', { QueueName: 'jobs' });
  await createTable(cloud);
  await cloud.call('s3', 'CreateBucket', { Bucket: LOGS });
  await createGroup(cloud, options);
  const item = async (pk: string) => {
    const { Item } = await clients.dynamodb.send(
      new GetItemCommand({ TableName: TABLE, Key: { pk: { S: pk } } }),
    );
    return Item && fromItem(Item);
  };
  return {
    ...cloud,
    directory,
    launcher,
    calls,
    nextCall: (is) => nextCall(cloud, is),
    clients,
    queueUrl: String(QueueUrl),
    group: () => describeGroup(clients),
    item,
    instanceRecord: async (instance) =>
      ((await item(`instance#${instance}`)) ?? {}) as Partial<InstanceRecord>,
    send: async (body) => {
      await clients.sqs.send(new SendMessageCommand({ QueueUrl: String(QueueUrl), MessageBody: body }));
    },
    async close() {
      clients.destroy();
      await cloud.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function nextCall(cloud: Cloud, is: (call: CallRecord) => boolean): Promise<CallRecord> {
  return new Promise((resolve) => {
    const stop = cloud.onCall((call) => {
      if (!is(call)) return;
      stop();
      resolve(call);
    });
  });
}

export const createTable = (cloud: Cloud): Promise<void> => createJobTable(cloud, TABLE);

async function createGroup({ call }: Cloud, options: FleetOptions): Promise<void> {
  const { minSize = 0, desired = 1, hooks = true, spot = false } = options;
  await call('ec2', 'CreateLaunchTemplate', {
    LaunchTemplateName: 'worker',
    LaunchTemplateData: {
      ImageId: 'ami-0123456789abcdef0',
      InstanceType: 't3.micro',
      MetadataOptions: { HttpTokens: 'required', InstanceMetadataTags: 'enabled' },
      ...(spot && { InstanceMarketOptions: { MarketType: 'spot' } }),
    },
  });
  const hook = (name: string, transition: string) => ({
    LifecycleHookName: name,
    LifecycleTransition: `autoscaling:EC2_INSTANCE_${transition}`,
    HeartbeatTimeout: 300,
    DefaultResult: 'CONTINUE',
  });
  await call('autoscaling', 'CreateAutoScalingGroup', {
    AutoScalingGroupName: GROUP,
    MinSize: minSize,
    MaxSize: 10,
    DesiredCapacity: desired,
    AvailabilityZones: ['us-east-1a'],
    NewInstancesProtectedFromScaleIn: true,
    LaunchTemplate: { LaunchTemplateName: 'worker', Version: '$Latest' },
    LifecycleHookSpecificationList: hooks
      ? [hook(LAUNCH_HOOK, 'LAUNCHING'), hook(TERMINATION_HOOK, 'TERMINATING')]
      : [],
  });
}

async function describeGroup({ autoScaling }: Clients) {
  const { AutoScalingGroups } = await autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [GROUP] }),
  );
  const group = AutoScalingGroups?.[0];
  const states = (group?.Instances ?? []).map((one) => [one.InstanceId, one.LifecycleState]);
  return { desired: group?.DesiredCapacity ?? Number.NaN, states: Object.fromEntries(states) };
}

export interface Agent {
  instance: string;
  work: JobLoop;
  lifecycle: Lifecycle;
  refusals: RefusalTracker;
  stateDirectory: string;
  /** The file with which a retired agent asks for a power-off; undefined if there is none. */
  retirementFile(): Promise<Record<string, unknown> | undefined>;
}

export interface AgentOptions {
  config?: Partial<AgentConfig>;
  /** The number of the booted machine that it runs on; null: not an EC2 instance. */
  machine?: number | null;
  workerMissing?: string;
  supervisor?: Supervisor;
  /** Default: the system clock. */
  clock?: Clock;
  /** The clock by which secrets are kept. Default: that of the agent. */
  secretsClock?: Clock;
  /** Default: the clients of the fleet. */
  clients?: Clients;
}

/** Starts the agent of an instance in this process, with its job loop and lifecycle, real workers and its own metadata. */
export async function startAgent(fleet: Fleet, options: AgentOptions = {}): Promise<Agent> {
  const { machine = 0, workerMissing, supervisor = NO_SUPERVISOR, clock = systemClock } = options;
  const spec = machine === null ? undefined : (await fleet.launcher.booted(machine + 1))[machine];
  const env = spec
    ? { AWS_EC2_METADATA_SERVICE_ENDPOINT: spec.metadataEndpoint }
    : { AWS_EC2_METADATA_DISABLED: 'true' };
  const identity = await findIdentity(env, clock, false);
  const stateDirectory = join(fleet.directory, 'state', identity.instanceId);
  const config = { ...configOf(fleet), ...options.config };
  const log = createLog(process.env['LOG'] === 'debug' ? 'debug' : 'silent');
  const { clients } = { ...fleet, ...options };
  const runner = new ProcessRunner({
    command: ['sh', ...config.command.slice(1)],
    environment: workerEnvironment(process.env, {}),
    directory: fleet.directory,
    clock,
  });
  await runner.check();
  const instance = identity.instanceId;
  const refusals = new RefusalTracker(clock);
  const random = Math.random;
  const sts = createStsClients('us-east-1');
  const access = await openWorkerAccess({ config, clients: sts, instance, clock, refusals, random, log });
  const secrets = openWorkerSecrets({
    ...{ config, access, refusals, random, log },
    clock: options.secretsClock ?? clock,
  });
  const work = createJobLoop({ config, clients, instance, runner, secrets, refusals, clock, random, log });
  const missing = workerMissing === undefined ? {} : { workerMissing };
  const self = { config, clients, clock, log, work, refusals, access, identity, stateDirectory, supervisor };
  const recentLog = () => 'what the agent logged\n';
  const life = await startLifecycle({ ...self, recentLog, ...missing });
  if (secrets) closings.push(async () => secrets.close());
  if (access) closings.push(() => access.close().finally(sts.destroy));
  return {
    instance,
    work,
    lifecycle: life,
    refusals,
    stateDirectory,
    retirementFile: async () => parsed(await contentOf(join(stateDirectory, 'retirement.json'))),
  };
}

/** Short times, so that a lifecycle takes a second. The body of a job is a shell command. */
function configOf({ queueUrl }: Fleet): AgentConfig {
  const config = v.parse(AgentConfigSchema, {
    version: 1,
    fleet: 'test',
    region: 'us-east-1',
    queueUrl,
    table: TABLE,
    command: ['sh', '-c'],
    leaseSeconds: 3,
    graceSeconds: 1,
    launchHook: LAUNCH_HOOK,
    terminationHook: TERMINATION_HOOK,
    noticeSeconds: 0.1,
    retirement: { idleSeconds: 0.3, ladderSeconds: 5 },
    logBucket: LOGS,
  });
  return { ...config, reportSeconds: 0.2 };
}

async function contentOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}

function parsed(json: string | undefined): Record<string, unknown> | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as Record<string, unknown>);
}

/** Resolves when `is` is true of the state. */
export function until(work: JobLoop, is: (state: ReturnType<JobLoop['state']>) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!is(work.state())) return;
      stop();
      resolve();
    };
    const stop = work.onChange(look);
    look();
  });
}

export function callsOf(fleet: Fleet, action: string): CallRecord[] {
  return fleet.calls.filter((call) => call.action === action);
}

/** The logs that agents have saved in the log bucket, which may also have their heartbeats. */
export async function readSavedLogs({ clients }: Fleet): Promise<{ key: string; text: string }[]> {
  const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket: LOGS }));
  const logs = Contents.filter(({ Key = '' }) => Key.endsWith('.log'));
  return Promise.all(
    logs.map(async ({ Key = '' }) => {
      const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: LOGS, Key }));
      return { key: Key, text: (await Body?.transformToString()) ?? '' };
    }),
  );
}
