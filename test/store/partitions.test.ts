import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ListedState, listingSortKey, statePartition, statePartitions } from '../../store/partitions.ts';

const STATES: ListedState[] = [
  'held',
  'queued',
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'lost',
  'skipped',
];

test('every job of a state is in one of its partitions', () => {
  fc.assert(
    fc.property(fc.constantFrom(...STATES), fc.string(), (state, id) => {
      expect(statePartitions(state)).toContain(statePartition(state, id));
    }),
  );
});

test('the partitions get equal parts of a run, whose ids differ in their ends only', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,10}$/), (seed) => {
      const counts = new Map(statePartitions('queued').map((partition) => [partition, 0]));
      for (let number = 1; number <= 10_000; number += 1) {
        const partition = statePartition('queued', `j-${seed}-${number}`);
        counts.set(partition, (counts.get(partition) ?? 0) + 1);
      }
      expect(counts.size).toBe(8);
      expect(Math.max(...counts.values())).toBeLessThan(1.3 * (10_000 / 8));
    }),
    { numRuns: 5 },
  );
});

test('jobs sort by the time when they were enqueued, and those of a run by their numbers', () => {
  const places = [
    listingSortKey('2030-01-01T00:00:00.000Z', 'j-z'),
    listingSortKey('2030-01-01T00:00:00.001Z', 'j-run-9'),
    listingSortKey('2030-01-01T00:00:00.001Z', 'j-run-10'),
    listingSortKey('2030-01-01T00:00:00.001Z', 'j-run-100'),
    listingSortKey('2030-01-02T00:00:00.000Z', 'j-a'),
  ];
  expect(places.toSorted()).toEqual(places);
});
