import type { Cancel } from '../../clock.ts';
import type { Input } from '../../front-door/service.ts';

type Leaving = 'Terminating' | 'Terminating:Wait' | 'Terminating:Proceed';

/**
 * "Amazon EC2 Auto Scaling instance lifecycle". `Pending:Proceed` takes no time here. An instance that is `Terminated`
 * is not in its group any more.
 */
export type LifecycleState = 'Pending' | 'Pending:Wait' | 'InService' | Leaving | PoolState;

/**
 * "Use lifecycle hooks with a warm pool". While an instance is stopped to enter the pool it is
 * `Warmed:Pending:Proceed`.
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
  /** In seconds. */
  defaultCooldown: number;
  defaultInstanceWarmup: number | undefined;
  healthCheckType: string;
  healthCheckGracePeriod: number;
  launch: LaunchSettings;
  /** The subnets of new instances, in the given order. Without subnets they go to `zones`. */
  subnets: { id: string; zone: string }[];
  zones: string[];
  terminationPolicies: TerminationPolicy[];
  newInstancesProtected: boolean;
  serviceLinkedRoleArn: string | undefined;
  tags: Map<string, { value: string; propagate: boolean }>;
  suspended: Map<ScalingProcess, string>;
  metrics: Set<string>;
  instances: Map<string, GroupInstance>;
  /** Launches that EC2 has not answered yet. They count as capacity. */
  requested: Set<LaunchRequest>;
  warmPool: WarmPool | undefined;
  hooks: Map<string, Hook>;
  policies: Map<string, ScalingPolicy>;
  /** The causes of the present desired capacity, in AWS's words, for the activities that result. */
  reasons: string[];
  /** The number of unhealthy instances whose replacement is not launched yet. */
  replacements: number;
  /** The pause after a failed launch. */
  launchPause: Cancel | undefined;
  launchFailures: number;
  /** End of the cooldown that a simple scaling policy started, in milliseconds since the epoch. */
  coolUntil: number;
  deleting: boolean;
}

export interface LaunchRequest {
  zone: string;
  spot: boolean;
}

/** Instances in the warm pool. They do not count as capacity of the group until it draws them. */
export interface WarmPool {
  minSize: number;
  /** The maximum of warm and desired instances together; undefined: the group's maximum size. */
  maxPrepared: number | undefined;
  /** The state in which they wait. */
  state: 'Stopped' | 'Running';
  instances: Map<string, GroupInstance>;
  requested: Set<LaunchRequest>;
  /** The pool is deleted once it is empty. */
  deleting: boolean;
}

export interface LaunchSettings {
  /** Each launch resolves the version anew: `$Latest`, `$Default` or a number. */
  template: { id: string; name: string; version: string };
  /** Present for a mixed instances policy; it is shown as it was given. */
  mixed: MixedInstances | undefined;
}

export interface MixedInstances {
  policy: Input;
  /** In order of preference. Empty: the template's type. */
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
  /** Launched to rebalance the zones: another instance is terminated for it. */
  balancing: boolean;
  state: LifecycleState;
  health: 'Healthy' | 'Unhealthy';
  /** The failed health check, in AWS's words. */
  failedCheck: string | undefined;
  protected: boolean;
  /** When warm-up began, in milliseconds since the epoch of real time. */
  inServiceAt: number | undefined;
  activity: ScalingActivity;
  /** Lifecycle actions in progress, by the hook's name. */
  waits: Map<string, LifecycleAction>;
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

export interface LifecycleAction {
  hook: Hook;
  token: string;
  since: number;
  cancel: Cancel;
}

export interface ScalingPolicy {
  name: string;
  arn: string;
  type: 'StepScaling' | 'SimpleScaling';
  adjustmentType: AdjustmentType;
  minAdjustmentMagnitude: number | undefined;
  enabled: boolean;
  /** Only of a step policy. */
  steps: Step[];
  metricAggregationType: string;
  estimatedWarmup: number | undefined;
  /** Only of a simple policy. */
  scalingAdjustment: number | undefined;
  cooldown: number | undefined;
}

export const ADJUSTMENT_TYPES = ['ChangeInCapacity', 'ExactCapacity', 'PercentChangeInCapacity'] as const;
export type AdjustmentType = (typeof ADJUSTMENT_TYPES)[number];

/** Bounds are relative to the breach threshold. An absent bound is infinite. */
export interface Step {
  lower: number | undefined;
  upper: number | undefined;
  adjustment: number;
}

export interface ScalingActivity {
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

/** Whether the instance is in the warm pool of its group. */
export function isPooled({ state }: GroupInstance): boolean {
  return state.startsWith('Warmed:');
}

/** All instances, those of the warm pool included. */
export function allInstances({ instances, warmPool }: Group): GroupInstance[] {
  return [...instances.values(), ...(warmPool?.instances.values() ?? [])];
}

/** The number of instances and launches that count towards the desired capacity. */
export function actualCapacity(group: Group): number {
  return group.requested.size + [...group.instances.values()].filter((one) => !isTerminating(one)).length;
}
