import * as v from 'valibot';
import type {
  CheckInput,
  DeployedAlarm,
  DeployedPolicy,
  HookSettings,
} from '../../client/doctor/check-input.ts';
import type { InstanceRecord, JobRecord } from '../../jobs/record.ts';
import { stepsFor } from '../../policy/steps.ts';
import { FleetFactsSchema } from '../../store/fleet-facts.ts';

export const NOW_MS = Date.parse('2026-01-02T03:04:05.000Z');
export const ago = (minutes: number) => NOW_MS - minutes * 60_000;
export const timeAgo = (minutes: number) => new Date(ago(minutes)).toISOString();
/** The time as messages have it. */
export const textAgo = (minutes: number) => timeAgo(minutes).replace('.000Z', 'Z');

export const record: InstanceRecord = {
  pk: 'instance#i-1',
  instance: 'i-1',
  listing: 'instances',
  readyAt: timeAgo(30),
  reportedAtMs: ago(1),
};
export const job: JobRecord = {
  pk: 'job#j-1',
  id: 'j-1',
  state: 'running',
  attempts: 1,
  startedAt: timeAgo(10),
  leaseUntilMs: ago(-1),
};
export const member = { instance: 'i-1', lifecycleState: 'InService', protected: true };
export const busy = { instance: 'i-1', member, record, jobs: [job], launchedAtMs: ago(40) };

export const queue = {
  arn: 'arn:queue',
  visible: 3,
  inFlight: 1,
  delayed: 0,
  visibilitySeconds: 60,
  retentionSeconds: 1_209_600,
  delaySeconds: 0,
  redrive: { arn: 'arn:dead', maxReceives: 1000 },
};
export const deadLetters = { ...queue, arn: 'arn:dead', visible: 0, inFlight: 0 };
export const group = {
  minSize: 0,
  maxSize: 10,
  desired: 1,
  members: [member],
  subnets: ['subnet-1', 'subnet-2'],
  protectsNewInstances: true,
  suspended: new Map([['AZRebalance', 'User suspended']]),
};
export const fleet = v.parse(FleetFactsSchema, {
  version: 1,
  fleet: 'Test/test',
  region: 'us-east-1',
  queueUrl: 'https://queue',
  deadLetterQueueUrl: 'https://dead',
  table: 'jobs',
  logBucket: 'logs',
  group: 'group',
  policyArn:
    'arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:7:autoScalingGroupName/group:policyName/grow',
  minCapacity: 0,
  maxCapacity: 10,
  bootBudgetSeconds: 1200,
  scaleOut: { threshold: 1, durationSeconds: 60, jobsPerInstance: 1, warmUpSeconds: 300 },
  launchHook: 'launch',
  terminationHook: 'termination',
  terminationHookSeconds: 300,
  backlogAlarm: 'backlog',
  bootBreakerAlarm: 'boots',
  keeperFunction: 'keeper',
});

/** As they were deployed. */
export const policy: DeployedPolicy = {
  arn: String(fleet.policyArn),
  enabled: true,
  type: 'StepScaling',
  adjustmentType: 'ChangeInCapacity',
  aggregation: 'Maximum',
  warmUpSeconds: 300,
  steps: stepsFor({ threshold: 1, jobsPerInstance: 1, maxCapacity: 10 }),
};
export const launchHook: HookSettings = {
  transition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
  heartbeatSeconds: 1200,
  defaultResult: 'CONTINUE',
};
export const terminationHook: HookSettings = {
  ...launchHook,
  transition: 'autoscaling:EC2_INSTANCE_TERMINATING',
  heartbeatSeconds: 300,
};
const alarm = { actionsEnabled: true, okActions: [], insufficientDataActions: [] };
export const backlogAlarm: DeployedAlarm = {
  ...alarm,
  actions: [policy.arn],
  ...{
    namespace: 'AWS/SQS',
    metric: 'ApproximateNumberOfMessagesVisible',
    dimensions: { QueueName: 'queue' },
  },
  ...{ statistic: 'Maximum', periodSeconds: 60, periods: 1, threshold: 1 },
  ...{ comparison: 'GreaterThanOrEqualToThreshold', missingData: 'notBreaching' },
};
export const bootBreakerAlarm: DeployedAlarm = {
  ...backlogAlarm,
  actions: [],
  ...{
    namespace: 'Mayfly',
    metric: 'BootBreaker',
    dimensions: { Fleet: 'Test/test' },
    statistic: 'Minimum',
    missingData: 'ignore',
  },
};

export const subnet = {
  ...{ id: 'subnet-1', defaultRoute: 'igw-1', isBlackhole: false, givesAddress: true },
  endpoints: new Set(['s3', 'dynamodb']),
};
export const network = { subnets: [subnet, { ...subnet, id: 'subnet-2' }] };

/** A working fleet without problems. */
export const healthy: CheckInput = {
  fleet,
  nowMs: NOW_MS,
  queue: { value: queue },
  deadLetters: { value: deadLetters },
  table: {
    value: {
      status: 'ACTIVE',
      indexStatus: 'ACTIVE',
      olderIndexStatus: 'ACTIVE',
      expiresBy: { value: 'expires' },
    },
  },
  logBucket: { value: true },
  group: { value: group },
  pool: { value: [] },
  network: { value: network },
  activities: { value: { launches: [{ instance: 'i-1', startedAtMs: ago(40) }], terminations: [] } },
  policies: { value: new Map([['grow', policy]]) },
  hooks: {
    value: new Map([
      ['launch', launchHook],
      ['termination', terminationHook],
    ]),
  },
  alarms: {
    value: new Map([
      ['backlog', backlogAlarm],
      ['boots', bootBreakerAlarm],
    ]),
  },
  state: { value: { keptAtMs: ago(1), backlogSinceMs: ago(40) } },
  instances: { value: [busy] },
  boots: { value: [] },
  localInstances: undefined,
  orphaned: { value: { jobs: [], isPartial: false } },
  jobGroups: { value: { groups: [], requests: [], records: new Map(), unplaced: [], isPartial: false } },
};
