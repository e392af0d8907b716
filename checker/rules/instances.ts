import type { Facts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';
import { judgeBusyTerminations } from './busy-terminations.ts';
import { judgeCapacityDecreases } from './capacity-decreases.ts';

/**
 * No instance is left, none was ended while it worked, none will be launched, and each decrease of the capacity is
 * justified.
 */
export function judgeInstances(facts: Facts, runs: readonly Run[]): Violation[] {
  return [
    ...instancesLeft(facts),
    ...capacityLeft(facts),
    ...judgeBusyTerminations(facts, runs),
    ...judgeCapacityDecreases(facts),
  ];
}

/** Instances of the warm pool may stay. */
function instancesLeft({ instances, group }: Facts): Violation[] {
  return instances
    .filter(({ id, state }) => state !== 'terminated' && !group?.warmPool?.has(id))
    .map(({ id, state }) => ({ rule: 'instance-left', subject: id, message: `is still ${state}` }));
}

function capacityLeft({ group }: Facts): Violation[] {
  if (!group || group.desired === 0) return [];
  return [
    { rule: 'capacity-left', subject: group.name, message: `desired capacity is ${group.desired}, not 0` },
  ];
}
