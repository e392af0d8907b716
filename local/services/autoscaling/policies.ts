import { AwsError } from '../../front-door/service.ts';
import { adjustCapacity, type Capacities, desiredAfterStep, findStep } from './capacity.ts';
import { type Group, isTerminating, type ScalingPolicy } from './group.ts';
import type { Groups } from './groups.ts';
import type { Parts } from './parts.ts';

export interface Execution {
  /** The executor, for the activity's cause. */
  what: string;
  metricValue: number | undefined;
  breachThreshold: number | undefined;
  honorCooldown: boolean;
}

export interface FoundPolicy {
  group: Group;
  policy: ScalingPolicy;
}

/** Finds a policy by name within a group, or by ARN in any group. */
export function findScalingPolicy(groups: Groups, nameOrArn: string, within?: Group): FoundPolicy {
  for (const group of within ? [within] : groups.all()) {
    for (const policy of group.policies.values()) {
      if (policy.arn === nameOrArn || (within && policy.name === nameOrArn)) return { group, policy };
    }
  }
  throw new AwsError('ValidationError', `Policy not found - no scaling policy ${nameOrArn}`);
}

/**
 * Executes a policy. If the process Launch is suspended the group does not scale out; if Terminate is, it does not
 * scale in.
 *
 * @throws `ValidationError` if no step has the metric value.
 */
export function executePolicy(parts: Parts, found: FoundPolicy, execution: Execution): void {
  const { group, policy } = found;
  const desired =
    policy.type === 'StepScaling' ? afterStep(parts, found, execution) : afterSimple(parts, found, execution);
  if (desired > group.desiredCapacity && group.suspended.has('Launch')) return;
  if (desired < group.desiredCapacity && group.suspended.has('Terminate')) return;
  parts.scaler.setDesired(group, desired, `${execution.what} ${policy.name}`);
}

function afterStep(parts: Parts, { group, policy }: FoundPolicy, execution: Execution): number {
  const { metricValue, breachThreshold } = execution;
  if (metricValue === undefined || breachThreshold === undefined) {
    throw new AwsError(
      'ValidationError',
      'MetricValue and BreachThreshold are required for StepScaling policies',
    );
  }
  const step = findStep(policy.steps, metricValue, breachThreshold);
  if (!step) {
    throw new AwsError(
      'ValidationError',
      `No step adjustment found for metric value ${metricValue} and breach threshold ${breachThreshold}`,
    );
  }
  return desiredAfterStep(capacities(parts, group, policy), {
    type: policy.adjustmentType,
    amount: step.adjustment,
    minMagnitude: policy.minAdjustmentMagnitude,
  });
}

/** Warm-up: the policy's own, else the group's default, else the group's cooldown. */
function capacities({ context }: Parts, group: Group, policy: ScalingPolicy): Capacities {
  const warmup = policy.estimatedWarmup ?? group.defaultInstanceWarmup ?? group.defaultCooldown;
  const { clock } = context;
  const all = [...group.instances.values()];
  const live = all.filter((one) => !isTerminating(one));
  const warm = live.filter(
    ({ inServiceAt }) =>
      inServiceAt !== undefined && (clock.now() - inServiceAt) * clock.speed >= warmup * 1000,
  ).length;
  return {
    min: group.minSize,
    max: group.maxSize,
    desired: group.desiredCapacity,
    warm,
    warming: live.length - warm + group.requested.size,
    terminating: all.length - live.length,
  };
}

function afterSimple(
  { context, activities }: Parts,
  { group, policy }: FoundPolicy,
  execution: Execution,
): number {
  const { clock } = context;
  const blocking = activities.underWay(group);
  if (execution.honorCooldown && (blocking || group.coolUntil > clock.now())) {
    const activity = blocking ?? activities.of(group.name)[0];
    throw new AwsError(
      'ScalingActivityInProgress',
      `Scaling activity ${activity?.id} is in progress and blocks this action`,
    );
  }
  const wanted = adjustCapacity(group.desiredCapacity, {
    type: policy.adjustmentType,
    amount: policy.scalingAdjustment ?? 0,
    minMagnitude: policy.minAdjustmentMagnitude,
  });
  const cooldown = policy.cooldown ?? group.defaultCooldown;
  group.coolUntil = clock.now() + (cooldown * 1000) / clock.speed;
  return Math.min(group.maxSize, Math.max(group.minSize, wanted));
}
