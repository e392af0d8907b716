import type { Facts, Violation } from '../facts.ts';
import type { Run } from '../journal.ts';
import { busyEnded } from './busy.ts';
import { lowerings } from './lowerings.ts';

/** No instance is left or was ended in its work, nothing will launch another, and only those that went lowered the capacity. */
export function judgeInstances(facts: Facts, runs: readonly Run[]): Violation[] {
  return [...instancesLeft(facts), ...capacityLeft(facts), ...busyEnded(facts, runs), ...lowerings(facts)];
}

function instancesLeft(facts: Facts): Violation[] {
  return facts.instances
    .filter(({ state }) => state !== 'terminated')
    .map(({ id, state }) => ({ rule: 'instance-left', subject: id, message: `is still ${state}` }));
}

function capacityLeft({ group }: Facts): Violation[] {
  if (!group || group.desired === 0) return [];
  return [
    { rule: 'capacity-left', subject: group.name, message: `desired capacity is ${group.desired}, not 0` },
  ];
}
