import type { GroupMember, ScalingGroup } from '../../aws/scaling-group.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import type { FleetState } from '../../store/fleet-state.ts';
import type { SavedLog } from '../../store/log-layout.ts';
import type { InstanceRecord } from '../../jobs/record.ts';
import type { Step } from '../../policy/steps.ts';
import type { ActivityLook } from '../instances/group-look.ts';
import type { InstanceSeen } from '../instances/instances-view.ts';
import type { AlarmSettings } from './alarm-settings.ts';
import type { Looked } from './finding.ts';

/** All that a fleet is judged by, as it was at one moment. */
export interface Facts {
  fleet: FleetFacts;
  nowMs: number;
  queue: Looked<QueueSeen>;
  /** Undefined: no name of one is known. */
  deadLetters: Looked<QueueSeen> | undefined;
  table: Looked<TableSeen>;
  logBucket: Looked<true>;
  group: Looked<ScalingGroup>;
  /** The instances in its warm pool; none if it has no pool. */
  pool: Looked<GroupMember[]>;
  /** Undefined: nobody knows the group's subnets. */
  network: Looked<NetworkSeen> | undefined;
  activities: Looked<ActivityLook>;
  /** These three by name. Those that are missing are not there. */
  policies: Looked<ReadonlyMap<string, PolicySeen>>;
  hooks: Looked<ReadonlyMap<string, HookSettings>>;
  alarms: Looked<ReadonlyMap<string, AlarmSeen>>;
  state: Looked<FleetState>;
  instances: Looked<InstanceSeen[]>;
  /** Of the last instances that were launched, the newest first: what the table knows. */
  boots: Looked<Boot[]>;
  /** What instances of the embedded cloud are, if the fleet has a set-up; undefined on AWS. */
  localInstances: 'processes' | 'machines' | undefined;
  /** Jobs that wait for a message though the queue is empty. Looked at if it is. */
  stranded: Looked<Stranded>;
}

export interface QueueSeen {
  arn: string;
  visible: number;
  inFlight: number;
  delayed: number;
  visibilitySeconds: number;
  retentionSeconds: number;
  delaySeconds: number;
  redrive?: { arn: string; maxReceives: number };
  /** One of its messages: of a dead letter, why it is there and since when. */
  sample?: { id: string; reason?: string; deadAt?: string };
  /** Why none of its messages could be read. */
  unread?: string;
}

export interface TableSeen {
  /** `ACTIVE`, `UPDATING`, ... */
  status: string;
  /** Of the index `byState`; undefined: there is none. */
  indexStatus: string | undefined;
  /** Of the index `byListing`, which earlier versions have. */
  olderIndexStatus: string | undefined;
  /** The attribute by which items expire; undefined: they do not. */
  expiresBy: Looked<string | undefined>;
}

export interface NetworkSeen {
  /** Those that instances are launched into. */
  subnets: readonly SubnetSeen[];
}

export interface SubnetSeen {
  id: string;
  /** Where its default route leads: `igw-...`, `nat-...`; undefined: it has none. */
  wayOut: string | undefined;
  /** The target of that route is gone. */
  broken: boolean;
  /** Whether instances get a public IPv4 address. */
  givesAddress: boolean;
  /** Services that endpoints of its VPC lead to from there, as the last part of the endpoint's name: `sqs`, `s3`. */
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

export interface PolicySeen extends PolicySettings {
  arn: string;
  enabled: boolean;
}

/** A lifecycle hook, as `PutLifecycleHook` takes it. */
export interface HookSettings {
  transition: string;
  heartbeatSeconds: number;
  defaultResult: string;
}

export interface AlarmSeen extends AlarmSettings {
  actionsEnabled: boolean;
}

export interface Boot {
  instance: string;
  launchedAtMs: number;
  record: InstanceRecord | undefined;
  /** Of one that is not known to live, if it saved its log. */
  savedLog?: (SavedLog & { key: string }) | undefined;
}

export function hasStartedAJob({ record }: Boot): boolean {
  return Boolean(record?.retirement?.jobsDone) || record?.forecast?.lastStartMs !== undefined;
}

export interface Stranded {
  /** Ids, some of them. */
  jobs: readonly string[];
  /** Not all of the table was looked through. */
  partly: boolean;
}
