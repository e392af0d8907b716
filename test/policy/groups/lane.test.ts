import { expect, it } from 'vitest';
import { endStage } from '../../../policy/groups/lane.ts';
import { emptyGroup, type GroupState } from '../../../policy/groups/state.ts';

const groupOf = (count: number): GroupState => ({
  ...emptyGroup('g'),
  out: { 'j-1': { request: 'r', number: 1, sinceMs: 1, stage: 'job', release: 1, releasedAtMs: 1 } },
  requests: [
    {
      ...{ id: 'r', index: 0, count, policy: {}, submittedAtMs: 0, next: 2, waiting: {}, state: 'open' },
      ...{ generation: 1, batch: 0, batchStart: 1, batchFailed: 0, succeeded: 0, failed: 0, cancelled: 0 },
      lastRelease: 1,
    },
  ],
});

it.each([
  [1, 'the only job of batch 1 failed'],
  [4, '1 of the 4 jobs of batch 1 failed'],
])('the first failure in a batch of %i stops its request, and the reason says: %s', (count, reason) => {
  const end = { id: 'j-1', ended: 'j-1', result: { state: 'failed', hasRun: true } } as const;
  const { tripped, group } = endStage(groupOf(count), end, 5, () => 'never') ?? {};
  expect(tripped).toBe('r');
  expect(group?.requests.map((one) => one.reason)).toEqual([reason]);
});
