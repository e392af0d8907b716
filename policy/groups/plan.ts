/** Which job of a request runs when, if all of them succeed and take the same time, and no other job is in the group. */

import { type BatchSize, splitIntoBatches } from './batches.ts';
import { isPercent, percentageOf, toWhole } from './percent.ts';

/** All numbers are from 1. */
export interface PlannedJob {
  batch: number;
  /** Jobs of one turn run at the same time. */
  turn: number;
  lane: number;
}

/**
 * The jobs of a request in one group, in their order.
 *
 * @param serial the sizes of the batches. Empty: one batch of all
 * @param atOnce how many jobs run at the same time, from 1
 */
export function planJobs(count: number, serial: readonly BatchSize[], atOnce: number): PlannedJob[] {
  const jobs: PlannedJob[] = [];
  let turns = 0;
  for (const [index, size] of splitIntoBatches(count, serial).entries()) {
    for (let place = 0; place < size; place += 1) {
      const turn = turns + Math.floor(place / atOnce) + 1;
      jobs.push({ batch: index + 1, turn, lane: (place % atOnce) + 1 });
    }
    turns += Math.ceil(size / atOnce);
  }
  return jobs;
}

/** Sentences about sizes that mean something else than they say. */
export function explainSizes(count: number, serial: readonly BatchSize[]): string[] {
  return [...new Set(serial)].flatMap((size) => {
    if (toWhole(size, count) <= 0) return [`A batch of ${size} is all jobs that are left, as in Ansible.`];
    if (!isPercent(size) || (percentageOf(size) * count) / 100 >= 1) return [];
    return [`A batch of ${size} of ${count} is less than one job: it is one, as in Ansible.`];
  });
}
