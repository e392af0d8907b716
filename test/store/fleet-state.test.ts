import { expect, test } from 'vitest';
import { type FleetState, isIndexComplete } from '../../store/fleet-state.ts';

const NOW_MS = Date.parse('2026-06-01T00:00:00Z');
const YEARS_MS = 3 * 365 * 86_400_000;
const KEPT = { keptAtMs: 9, keptWithIndexAtMs: 9 };

test.each<[string, FleetState, boolean]>([
  ['a fleet that always had it', { ...KEPT, listedSinceMs: 0 }, true],
  ['a fleet without a known time', { ...KEPT }, false],
  ['a fleet that has it since today', { ...KEPT, listedSinceMs: NOW_MS }, false],
  ['a fleet whose older records have expired', { ...KEPT, listedSinceMs: NOW_MS - YEARS_MS }, true],
  [
    'one that an earlier version keeps again, after a rollback',
    { ...KEPT, keptAtMs: 10, listedSinceMs: 0 },
    false,
  ],
])('whether the index by state has all jobs: %s', (_, state, isAll) => {
  expect(isIndexComplete(state, 86_400, NOW_MS)).toBe(isAll);
});
