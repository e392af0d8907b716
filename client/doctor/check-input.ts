import type { GroupMember, ScalingGroup } from '../../aws/scaling-group.ts';
import type { InstanceRecord, JobRecord } from '../../jobs/record.ts';
import type { GroupState } from '../../policy/groups/state.ts';
import type { Step } from '../../policy/steps.ts';
import type { SavedLog } from '../../store/bucket-keys.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import type { FleetState } from '../../store/fleet-state.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import type { GroupActivities } from '../instances/group-state.ts';
import type { InstanceFacts } from '../instances/instance-view.ts';
import type { AlarmSettings } from './alarm-settings.ts';
import type { ReadResult } from './finding.ts';

/** What the checks need: the state of a fleet at one time. */
export interface CheckInput {
  fleet: FleetFacts;
  nowMs: number;
  queue: ReadResult<QueueState>;
  /** Undefined: the dead-letter queue is not known. */
  deadLetters: ReadResult<QueueState> | undefined;
  table: ReadResult<TableState>;
  logBucket: ReadResult<true>;
  group: ReadResult<ScalingGroup>;
  /** The instances in the warm pool. */
  pool: ReadResult<GroupMember[]>;
  /** Undefined: the group's subnets are not known. */
  network: ReadResult<NetworkState> | undefined;
  activities: ReadResult<GroupActivities>;
  /** These three by name. A missing one does not exist. */
  policies: ReadResult<ReadonlyMap<string, DeployedPolicy>>;
  hooks: ReadResult<ReadonlyMap<string, HookSettings>>;
  alarms: ReadResult<ReadonlyMap<string, DeployedAlarm>>;
  state: ReadResult<FleetState>;
  instances: ReadResult<InstanceFacts[]>;
  /** The last instances that were launched, newest first. */
  boots: ReadResult<Boot[]>;
  /** What instances of the embedded cloud are. Undefined on AWS, and if the fleet has no set-up. */
  localInstances: 'processes' | 'machines' | undefined;
  /** Jobs that wait for a message although the queue is empty. Only read if it is. */
  orphaned: ReadResult<OrphanedJobs>;
  /** Undefined: the fleet has no groups of jobs. */
  jobGroups: ReadResult<JobGroups | undefined>;
}

export interface QueueState {
  arn: string;
  visible: number;
  inFlight: number;
  delayed: number;
  visibilitySeconds: number;
  retentionSeconds: number;
  delaySeconds: number;
  redrive?: { arn: string; maxReceives: number };
  /** One dead letter, with its reason and its time. */
  sample?: { id: string; reason?: string; deadAt?: string };
  /** Why no dead letter could be received. */
  sampleProblem?: string;
}

export interface TableState {
  /** `ACTIVE`, `UPDATING`, ... */
  status: string;
  /** Status of the index `byState`. Undefined: it does not exist. */
  indexStatus: string | undefined;
  /** Status of the index `byListing`, which agents of earlier versions use. */
  olderIndexStatus: string | undefined;
  /** The TTL attribute. Undefined: TTL is off. */
  expiresBy: ReadResult<string | undefined>;
}

export interface NetworkState {
  /** The subnets into which instances are launched. */
  subnets: readonly SubnetState[];
}

export interface SubnetState {
  id: string;
  /** Target of its default route: `igw-...`, `nat-...`. Undefined: it has none. */
  defaultRoute: string | undefined;
  /** The target does not exist (route state `blackhole`). */
  isBlackhole: boolean;
  /** Whether instances get a public IPv4 address. */
  givesAddress: boolean;
  /** Services that it reaches through VPC endpoints, by the last part of the service name: `sqs`, `s3`. */
  endpoints: ReadonlySet<string>;
}

/** A scaling policy, as `PutScalingPolicy` takes it. */
export interface PolicySettings {
  type: string;
  adjustmentType: string;
  aggregation: string;
  warmUpSeconds: number | undefined;
  steps: readonly Step[];
}

export interface DeployedPolicy extends PolicySettings {
  arn: string;
  enabled: boolean;
}

/** A lifecycle hook, as `PutLifecycleHook` takes it. */
export interface HookSettings {
  transition: string;
  heartbeatSeconds: number;
  defaultResult: string;
}

export interface DeployedAlarm extends AlarmSettings {
  actionsEnabled: boolean;
}

/** An instance that was launched, and what is known of it. */
export interface Boot {
  instance: string;
  launchedAtMs: number;
  record: InstanceRecord | undefined;
  /** The log that it saved, if it is not known to run. */
  savedLog?: (SavedLog & { key: string }) | undefined;
}

export function hasStartedJob({ record }: Boot): boolean {
  return Boolean(record?.retirement?.jobsDone) || record?.forecast?.lastStartMs !== undefined;
}

export interface OrphanedJobs {
  /** Ids of some of them. */
  jobs: readonly string[];
  /** Not all queued jobs were read. */
  isPartial: boolean;
}

/** The groups of jobs and the requests of which something is left to be done. */
export interface JobGroups {
  groups: readonly GroupState[];
  requests: readonly RequestRecord[];
  /** Of the jobs that have lanes, or of the roll-backs and checks in these. An id without a record is missing. */
  records: ReadonlyMap<string, JobRecord>;
  /** Held jobs that are in no group. */
  unplaced: readonly string[];
  /** Not all were read. */
  isPartial: boolean;
}
