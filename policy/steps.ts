/**
 * How many instances a backlog is worth, and the same as the steps of a step-scaling policy. The alarm, the keeper
 * and everyone else who sees a backlog scale by the one policy that is made of these steps.
 */

/** "Step and simple scaling policies for Amazon EC2 Auto Scaling": a policy has at most 20 step adjustments. */
export const MOST_STEPS = 20;

export interface ScaleOut {
  /** Visible messages from which on the fleet grows: the alarm's threshold. */
  threshold: number;
  /** Visible messages that one more instance is worth. */
  jobsPerInstance: number;
  /** The group's maximum size: no step adds more. */
  maxCapacity: number;
}

/**
 * One step adjustment of type `ChangeInCapacity`. Bounds are relative to the threshold, the lower one inclusive and
 * the upper one exclusive, as Auto Scaling reads them; without `upper` the step has no end.
 */
export interface Step {
  lower: number;
  upper?: number;
  change: number;
}

/**
 * Instances that `backlog` visible messages are worth, before the limit of 20 steps rounds down. Gross: step scaling
 * itself counts the instances that are still warming up.
 */
export function capacityFor(backlog: number, scale: ScaleOut): number {
  check(scale);
  if (backlog < scale.threshold) return 0;
  return Math.min(scale.maxCapacity, Math.max(1, Math.ceil(backlog / scale.jobsPerInstance)));
}

/**
 * The steps that add what `capacityFor` says. Where 20 steps cannot tell every capacity apart they grow by equal
 * ratios and round down: too few instances are followed by more once these have warmed up, too many are paid for.
 *
 * Throws a `RangeError` that names the key and the value.
 */
export function stepsFor(scale: ScaleOut): Step[] {
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

/** At most 20 capacities from `least` to `most`, both included, rising. */
function spread(least: number, most: number): number[] {
  const all = most - least + 1;
  if (all <= MOST_STEPS) return Array.from({ length: all }, (_, index) => least + index);
  const capacities = [least];
  for (let left = MOST_STEPS - 1; left > 0; left--) {
    const last = capacities.at(-1) ?? least;
    capacities.push(left === 1 ? most : Math.max(last + 1, Math.floor(last * (most / last) ** (1 / left))));
  }
  return capacities;
}

function check({ threshold, jobsPerInstance, maxCapacity }: ScaleOut): void {
  for (const [key, value] of Object.entries({ threshold, jobsPerInstance, maxCapacity })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${key} is ${value}: it must be a whole number of at least 1`);
    }
  }
}
