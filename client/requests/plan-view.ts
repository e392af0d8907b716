import { type BatchSize, splitIntoBatches } from '../../policy/groups/batches.ts';
import { shouldTrip } from '../../policy/groups/failures.ts';
import { toWhole } from '../../policy/groups/percent.ts';
import type { RequestPolicy } from '../../policy/groups/state.ts';
import type { RequestTarget, TargetGroup } from './types.ts';

/** The groups of a request run beside each other. */
export interface PlannedGroup {
  name: string;
  size: number;
  lanes: number;
  /** How many jobs of the request run at a time: as many as the lanes, or fewer by `throttle`. */
  atOnce: number;
  /** One after another. */
  batches: PlannedBatch[];
  /** What may surprise, each as a sentence. */
  notes: string[];
}

export interface PlannedBatch {
  /** From 1. */
  number: number;
  /** The failure of the batch that stops the request: 1 for the first. Absent: none stops it. */
  stopsAtFailure?: number;
  /** The request waits for a person after this batch. */
  pausesAfter: boolean;
  targets: PlannedTarget[];
}

export interface PlannedTarget {
  target: string;
  /** Place in the request, from 1. */
  index: number;
  /** From 1 to `atOnce`. A job takes the lane that is free first, so this is certain only if all jobs take equally long. */
  lane: number;
  /** Place in the batch of those that run at a time, from 1. As certain as `lane`. */
  turn: number;
}

/**
 * Plans a request, with nothing else in its groups. Targets start in this order; a target that another job works on lets the
 * next ones pass.
 *
 * @param policy checked
 * @param lanesOf the number of lanes of a group with this size
 */
export function planGroups(
  groups: readonly TargetGroup[],
  policy: RequestPolicy,
  lanesOf: (group: Pick<TargetGroup, 'name' | 'size'>) => number,
): PlannedGroup[] {
  return groups.map((group) => planGroup(group, policy, lanesOf(group)));
}

function planGroup({ name, size, targets }: TargetGroup, policy: RequestPolicy, lanes: number): PlannedGroup {
  const { serial = [], throttle } = policy;
  const atOnce = Math.min(lanes, throttle ?? lanes);
  const sizes = splitIntoBatches(targets.length, serial);
  let start = 0;
  const batches = sizes.map((batchSize, at) => {
    const batch = targets.slice(start, start + batchSize);
    start += batchSize;
    return planBatch(batch, at + 1, sizes.length, atOnce, policy);
  });
  return {
    name,
    size,
    lanes,
    atOnce,
    batches,
    notes: notesOn(targets.length, serial, sizes, { lanes, atOnce }, throttle),
  };
}

function planBatch(
  targets: readonly RequestTarget[],
  number: number,
  batches: number,
  atOnce: number,
  policy: RequestPolicy,
): PlannedBatch {
  const stopsAtFailure = findStop(targets.length, policy);
  return {
    number,
    ...(stopsAtFailure !== undefined && { stopsAtFailure }),
    pausesAfter: number === policy.pauseAfter && number < batches,
    targets: targets.map(({ target, index }, at) => ({
      target,
      index,
      lane: (at % atOnce) + 1,
      turn: Math.floor(at / atOnce) + 1,
    })),
  };
}

function findStop(batchSize: number, policy: RequestPolicy): number | undefined {
  if (policy.keepGoing) return undefined;
  for (let batchFailed = 1; batchFailed < batchSize; batchFailed += 1) {
    if (shouldTrip({ batchSize, batchFailed }, policy)) return batchFailed;
  }
  return batchSize;
}

function notesOn(
  count: number,
  serial: readonly BatchSize[],
  sizes: readonly number[],
  { lanes, atOnce }: Pick<PlannedGroup, 'lanes' | 'atOnce'>,
  throttle: number | undefined,
): string[] {
  const notes: string[] = [];
  const all = serial.slice(0, sizes.length).find((size) => toWhole(size, count) <= 0);
  if (all !== undefined) notes.push(`A serial of ${all} means all targets that are left, as in Ansible.`);
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
  if (serial.length > 0 && largest > atOnce) {
    notes.push(`A batch of ${largest} does not run all at once: ${atOnce} at a time.`);
  }
  if (throttle !== undefined && throttle > lanes) {
    notes.push(`A throttle of ${throttle} is more than the lanes of the group: ${lanes} at a time.`);
  }
  return notes;
}
