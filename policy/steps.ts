/**
 * How many instances a backlog needs, and the step adjustments of the step-scaling policy that adds them. The alarm and
 * the keeper execute this one policy.
 */

/** "Step and simple scaling policies for Amazon EC2 Auto Scaling": a policy has at most 20 step adjustments. */
export const MAX_STEPS = 20;

export interface ScaleOutRules {
  /** The number of visible messages from which the fleet grows: the alarm's threshold. */
  threshold: number;
  /** The number of visible messages for which one instance is added. */
  jobsPerInstance: number;
  /** The group's maximum size. No step adds more. */
  maxCapacity: number;
}

/**
 * One step adjustment of type `ChangeInCapacity`. Bounds are relative to the threshold. The lower one is inclusive and
 * the upper one exclusive. Without `upper` the step has no upper bound.
 */
export interface Step {
  lower: number;
  upper?: number;
  change: number;
}

/**
 * The instances that `backlog` visible messages need, before the limit of 20 steps rounds down. Instances that are
 * warming up are not subtracted, because step scaling does that itself.
 */
export function capacityFor(backlog: number, scale: ScaleOutRules): number {
  check(scale);
  if (backlog < scale.threshold) return 0;
  return Math.min(scale.maxCapacity, Math.max(1, Math.ceil(backlog / scale.jobsPerInstance)));
}

/**
 * The steps that add what `capacityFor` returns. If 20 steps cannot express every capacity, they grow by equal ratios
 * and round down: more instances follow when the first have warmed up, while too many instances would cost money.
 *
 * Throws a `RangeError` that names the key and the value.
 */
export function stepsFor(scale: ScaleOutRules): Step[] {
  const least = capacityFor(scale.threshold, scale);
  const changes = spread(least, scale.maxCapacity);
  const lowerBounds = changes.map((change, index) =>
    index === 0 ? 0 : (change - 1) * scale.jobsPerInstance + 1 - scale.threshold,
  );
  return changes.map((change, index) => {
    const lower = lowerBounds[index] ?? 0;
    const upper = lowerBounds[index + 1];
    return upper === undefined ? { lower, change } : { lower, upper, change };
  });
}

/** At most 20 rising capacities from `least` to `most`, both included. */
function spread(least: number, most: number): number[] {
  const all = most - least + 1;
  if (all <= MAX_STEPS) return Array.from({ length: all }, (_, index) => least + index);
  const capacities = [least];
  for (let left = MAX_STEPS - 1; left > 0; left--) {
    const last = capacities.at(-1) ?? least;
    capacities.push(left === 1 ? most : Math.max(last + 1, Math.floor(last * (most / last) ** (1 / left))));
  }
  return capacities;
}

function check({ threshold, jobsPerInstance, maxCapacity }: ScaleOutRules): void {
  for (const [key, value] of Object.entries({ threshold, jobsPerInstance, maxCapacity })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${key} is ${value}: it must be a whole number of at least 1`);
    }
  }
}
