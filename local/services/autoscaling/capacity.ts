import type { AdjustmentType, Step } from './group.ts';

/**
 * How policies change a capacity, by the rules of "Step and simple scaling policies for Amazon EC2 Auto Scaling".
 */

/**
 * The step for a metric value. Above the threshold the lower bound is inclusive and the upper one exclusive; below it,
 * the lower one is exclusive and the upper one inclusive.
 */
export function findStep(steps: readonly Step[], metricValue: number, threshold: number): Step | undefined {
  const distance = metricValue - threshold;
  return steps.find(({ lower = -Infinity, upper = Infinity }) =>
    distance >= 0 ? distance >= lower && distance < upper : distance > lower && distance <= upper,
  );
}

export interface Adjustment {
  type: AdjustmentType;
  amount: number;
  /** The minimum change of a percentage adjustment. */
  minMagnitude: number | undefined;
}

/** The capacity after an adjustment, without regard to the group's limits. */
export function adjustCapacity(capacity: number, { type, amount, minMagnitude = 0 }: Adjustment): number {
  switch (type) {
    case 'ExactCapacity':
      return amount;
    case 'ChangeInCapacity':
      return capacity + amount;
    case 'PercentChangeInCapacity': {
      const change = roundPercent((capacity * amount) / 100);
      const magnitude = change === 0 && amount === 0 ? 0 : Math.max(Math.abs(change), minMagnitude);
      return capacity + Math.sign(amount) * magnitude;
    }
  }
}

/** Rounds between -1 and 1 away from zero, else towards zero. */
function roundPercent(change: number): number {
  if (change === 0) return 0;
  return Math.abs(change) < 1 ? Math.sign(change) : Math.trunc(change);
}

export interface Capacities {
  min: number;
  max: number;
  desired: number;
  /** Instances in service whose warm-up has ended. */
  warm: number;
  /** Instances that are pending, or in service for less than the warm-up. */
  warming: number;
  terminating: number;
}

/**
 * The desired capacity after a step. Scaling out starts from the warm instances, so that warming ones count towards
 * the step that launched them. Scaling in starts from all instances, terminating ones included, and does not happen
 * during a scale-out. Neither reverts the present desired capacity.
 */
export function desiredAfterStep(now: Capacities, adjustment: Adjustment): number {
  const within = (capacity: number) => Math.min(now.max, Math.max(now.min, capacity));
  const out = within(adjustCapacity(now.warm, adjustment));
  if (scalesOut(adjustment, now)) return Math.max(now.desired, out);
  if (now.warming > 0) return now.desired;
  return Math.min(now.desired, within(adjustCapacity(now.warm + now.terminating, adjustment)));
}

/** An exact capacity scales out or in, compared with the desired capacity. */
function scalesOut({ type, amount }: Adjustment, now: Capacities): boolean {
  return type === 'ExactCapacity' ? amount >= now.desired : amount >= 0;
}

/** @returns what is wrong with the steps of a step policy. */
export function findStepsProblem(steps: readonly Step[]): string | undefined {
  if (steps.length === 0) return 'At least one StepAdjustment must be specified for StepScaling policies';
  if (steps.length > 20) return `At most 20 StepAdjustments are allowed, ${steps.length} were given`;
  const sorted = [...steps].sort((a, b) => (a.lower ?? -Infinity) - (b.lower ?? -Infinity));
  for (const [index, { lower, upper }] of sorted.entries()) {
    if (lower === undefined && upper === undefined) {
      return 'The upper and lower bound of a StepAdjustment cannot both be null';
    }
    if ((lower ?? -Infinity) >= (upper ?? Infinity)) {
      return `The lower bound ${lower} of a StepAdjustment must be less than its upper bound ${upper}`;
    }
    const next = sorted[index + 1];
    if (next && upper !== next.lower) {
      const [to, from] = [upper ?? 'infinity', next.lower ?? '-infinity'];
      return `StepAdjustment intervals must not overlap or have a gap: ${to} is followed by ${from}`;
    }
  }
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first?.lower !== undefined && first.lower < 0) {
    return 'With a negative lower bound there must be a StepAdjustment with a null lower bound';
  }
  if (last?.upper !== undefined && last.upper > 0) {
    return 'With a positive upper bound there must be a StepAdjustment with a null upper bound';
  }
  return undefined;
}
