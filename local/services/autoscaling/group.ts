import type { Cancel } from '../../clock.ts';
import type { Input } from '../../front-door/service.ts';

type Leaving = 'Terminating' | 'Terminating:Wait' | 'Terminating:Proceed';

/**
 * "Amazon EC2 Auto Scaling instance lifecycle". `Pending:Proceed` takes no time here, and an instance that is
 * `Terminated` is no longer in its group.
 */
export type LifecycleState = 'Pending' | 'Pending:Wait' | 'InService' | Leaving | PoolState;

/**
 * "Use lifecycle hooks with a warm pool". An instance is `Warmed:Pending:Proceed` while it is stopped to wait in the pool.
 */
type PoolState =
  | 'Warmed:Pending'
  | 'Warmed:Pending:Wait'
  | 'Warmed:Pending:Proceed'
  | 'Warmed:Stopped'
  | 'Warmed:Running'
  | `Warmed:${Leaving}`;

export interface Group {
  name: string;
  arn: string;
  createdAt: Date;
  minSize: number;
  maxSize: number;
  desiredCapacity: number;
  /** Seconds. */
  defaultCooldown: number;
  defaultInstanceWarmup: number | undefined;
  healthCheckType: string;
  healthCheckGracePeriod: number;
  launch: LaunchSettings;
  /** Where instances go, in the order given; without subnets they go to `zones`. */
  subnets: { id: string; zone: string }[];
  zones: string[];
  terminationPolicies: TerminationPolicy[];
  newInstancesProtected: boolean;
  serviceLinkedRoleArn: string | undefined;
  tags: Map<string, { value: string; propagate: boolean }>;
  suspended: Map<ScalingProcess, string>;
  metrics: Set<string>;
  instances: Map<string, GroupInstance>;
  /** Launches that EC2 has not answered yet: they count as capacity. */
  requested: Set<LaunchRequest>;
  warmPool: WarmPool | undefined;
  hooks: Map<string, Hook>;
  policies: Map<string, Policy>;
  /** Why the desired capacity is what it is, in AWS's words: for the activities that follow from it. */
  reasons: string[];
  /** Unhealthy instances whose replacement is yet to be launched. */
  replacements: number;
  /** After a failed launch, until the next try. */
  launchPause: Cancel | undefined;
  launchFailures: number;
  /** End of the cooldown that a simple scaling policy began; epoch milliseconds. */
  coolUntil: number;
  deleting: boolean;
}

export interface LaunchRequest {
  zone: string;
  spot: boolean;
}

/** Instances that wait beside the group. They are none of its capacity until it draws them. */
export interface WarmPool {
  minSize: number;
  /** Most instances that wait or are desired, together; undefined: the group's maximum. */
  maxPrepared: number | undefined;
  /** How they wait. */
  state: 'Stopped' | 'Running';
  instances: Map<string, GroupInstance>;
  requested: Set<LaunchRequest>;
  /** It is gone once it is empty. */
  deleting: boolean;
}

export interface LaunchSettings {
  /** The version is resolved anew at each launch: `$Latest`, `$Default` or a number. */
  template: { id: string; name: string; version: string };
  /** Present for a mixed instances policy, which is shown as it was given. */
  mixed: MixedInstances | undefined;
}

export interface MixedInstances {
  policy: Input;
  /** In order of preference; empty means the template's own. */
  instanceTypes: string[];
  onDemandBase: number;
  /** Percentage of on-demand instances above the base. */
  onDemandPercentage: number;
}

export interface GroupInstance {
  id: string;
  type: string;
  zone: string;
  spot: boolean;
  launchedAt: number;
  templateVersion: string;
  /** Launched to balance the zones: another one goes for it. */
  balancing: boolean;
  state: LifecycleState;
  health: 'Healthy' | 'Unhealthy';
  /** What said so, in AWS's words. */
  failedCheck: string | undefined;
  protected: boolean;
  /** Real wall time of the moment at which warm-up began. */
  inServiceAt: number | undefined;
  activity: Activity;
  /** Hooks that are waited for, by name, and what comes after them. */
  waits: Map<string, HookWait>;
  done: ((result: HookResult) => void) | undefined;
}

export interface Hook {
  name: string;
  transition: HookTransition;
  heartbeatSeconds: number;
  defaultResult: HookResult;
  metadata: string | undefined;
}

export const HOOK_TRANSITIONS = [
  'autoscaling:EC2_INSTANCE_LAUNCHING',
  'autoscaling:EC2_INSTANCE_TERMINATING',
] as const;
export type HookTransition = (typeof HOOK_TRANSITIONS)[number];

export const HOOK_RESULTS = ['CONTINUE', 'ABANDON'] as const;
export type HookResult = (typeof HOOK_RESULTS)[number];

export interface HookWait {
  hook: Hook;
  token: string;
  since: number;
  cancel: Cancel;
}

export interface Policy {
  name: string;
  arn: string;
  type: 'StepScaling' | 'SimpleScaling';
  adjustmentType: AdjustmentType;
  minAdjustmentMagnitude: number | undefined;
  enabled: boolean;
  /** Of a step policy. */
  steps: Step[];
  metricAggregationType: string;
  estimatedWarmup: number | undefined;
  /** Of a simple policy. */
  scalingAdjustment: number | undefined;
  cooldown: number | undefined;
}

export const ADJUSTMENT_TYPES = ['ChangeInCapacity', 'ExactCapacity', 'PercentChangeInCapacity'] as const;
export type AdjustmentType = (typeof ADJUSTMENT_TYPES)[number];

/** Bounds are relative to the breach threshold; an absent one is infinite. */
export interface Step {
  lower: number | undefined;
  upper: number | undefined;
  adjustment: number;
}

export interface Activity {
  id: string;
  groupName: string;
  groupArn: string;
  description: string;
  cause: string;
  startedAt: Date;
  endedAt: Date | undefined;
  status: ActivityStatus;
  statusMessage: string | undefined;
  details: Record<string, string>;
}

export type ActivityStatus =
  | 'PreInService'
  | 'InProgress'
  | 'MidLifecycleAction'
  | 'Successful'
  | 'Failed'
  | 'Cancelled';

export const PROCESSES = [
  'Launch',
  'Terminate',
  'AddToLoadBalancer',
  'AlarmNotification',
  'AZRebalance',
  'HealthCheck',
  'InstanceRefresh',
  'ReplaceUnhealthy',
  'ScheduledActions',
] as const;
export type ScalingProcess = (typeof PROCESSES)[number];

export const TERMINATION_POLICIES = [
  'Default',
  'OldestInstance',
  'NewestInstance',
  'OldestLaunchTemplate',
] as const;
export type TerminationPolicy = (typeof TERMINATION_POLICIES)[number];

export function isTerminating({ state }: GroupInstance): boolean {
  return state.includes('Terminating');
}

export function isLaunching({ state }: GroupInstance): boolean {
  return state.includes('Pending');
}

/** Whether it is in the warm pool of its group. */
export function isPooled({ state }: GroupInstance): boolean {
  return state.startsWith('Warmed:');
}

/** Those of the warm pool too. */
export function everyInstance({ instances, warmPool }: Group): GroupInstance[] {
  return [...instances.values(), ...(warmPool?.instances.values() ?? [])];
}

/** Everything that counts towards the desired capacity. */
export function actualCapacity(group: Group): number {
  return group.requested.size + [...group.instances.values()].filter((one) => !isTerminating(one)).length;
}
