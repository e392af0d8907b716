/** Lanes: how many jobs of a group may be out at once. */

import { isPercent, type Percent, parseAmount, percentageOf, toWhole } from './percent.ts';

/** A number of at least 1, or 1% to 100% of the size of the group. */
export type Lanes = number | Percent;

/** Nobody may have two servers of a group down at once unless its owner said so. */
export const DEFAULT_LANES = 1;

/**
 * Throws a `RangeError` that has the name and the value.
 *
 * @param maxLanes the largest number that is allowed. A percentage is cut to it by `countLanes`
 * @param name what the error calls them. Default `lanes`
 */
export function parseLanes(given: string | number, maxLanes: number, name = 'lanes'): Lanes {
  const lanes = parseAmount(given);
  if (lanes !== undefined && isAllowed(lanes, maxLanes)) return lanes;
  throw new RangeError(
    `${name} is '${given}': allowed is a whole number from 1 to ${maxLanes}, or a whole percentage from 1% to 100%`,
  );
}

function isAllowed(lanes: Lanes, maxLanes: number): boolean {
  if (!isPercent(lanes)) return lanes >= 1 && lanes <= maxLanes;
  return percentageOf(lanes) >= 1 && percentageOf(lanes) <= 100;
}

/** Whether the lanes are a percentage and the size that they are of is unknown: who sets the lanes is refused. */
export function lacksSize(lanes: Lanes, size: number | undefined): boolean {
  return isPercent(lanes) && !size;
}

/**
 * The number of lanes, from 1 to `maxLanes`. A percentage rounds down by the arithmetic of batches, so that a batch and
 * the lanes of the same percentage of the same number are equal: 29% of 100 is 28. Without a size a percentage is one
 * lane.
 *
 * @param lanes undefined: 1
 * @param size how many targets the group has
 */
export function countLanes(
  lanes: Lanes | undefined,
  { size = 0, maxLanes }: { size: number | undefined; maxLanes: number },
): number {
  return Math.max(1, Math.min(maxLanes, toWhole(lanes ?? DEFAULT_LANES, size)));
}
