import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type CapacityFacts,
  type Correction,
  correctCapacity,
  type Unaccounted,
} from '../../policy/capacity.ts';

const facts: CapacityFacts = { desired: 2, minSize: 0, currentCapacity: 1, unaccounted: [], backlog: 0 };
const gone = (...instances: string[]): Unaccounted[] =>
  instances.map((instance) => ({ instance, state: 'gone' }));
const there: Unaccounted = { instance: 'i-a', state: 'present' };
const leaving: Unaccounted = { instance: 'i-b', state: 'terminating' };
const lower = (from: number, desired: number, ...instances: string[]) => ({ from, desired, instances });

test.each<{ name: string; change: Partial<CapacityFacts>; is: Correction }>([
  { name: 'nothing to account for', change: {}, is: { terminate: [] } },
  {
    name: 'gone, and the capacity still counts it',
    change: { unaccounted: gone('i-b') },
    is: { terminate: [], lower: lower(2, 1, 'i-b') },
  },
  {
    name: 'gone, and its successor runs',
    change: { unaccounted: gone('i-b'), currentCapacity: 2 },
    is: { terminate: [], lower: lower(2, 1, 'i-b') },
  },
  {
    name: 'gone, with jobs waiting',
    change: { unaccounted: gone('i-b'), backlog: 1 },
    is: { terminate: [] },
  },
  { name: 'still there', change: { unaccounted: [there] }, is: { terminate: ['i-a'] } },
  {
    name: 'still there, with jobs waiting',
    change: { unaccounted: [there], backlog: 1 },
    is: { terminate: ['i-a'] },
  },
  {
    name: 'gone by a request to Auto Scaling, which has accounted for it',
    change: { unaccounted: [{ instance: 'i-b', state: 'gone', byRequest: true }] },
    is: { terminate: [] },
  },
  {
    name: 'terminating by a request',
    change: { unaccounted: [{ ...leaving, byRequest: true }] },
    is: { terminate: [] },
  },
  {
    name: 'terminating because it is off, to be replaced',
    change: { unaccounted: [{ ...leaving, byRequest: false }] },
    is: { terminate: [], lower: lower(2, 1, 'i-b') },
  },
  {
    name: 'terminating, and the cause is not known yet',
    change: { unaccounted: [leaving] },
    is: { terminate: [] },
  },
  {
    name: 'the minimum is kept',
    change: { unaccounted: gone('i-b', 'i-c'), currentCapacity: 0, minSize: 1 },
    is: { terminate: [], lower: lower(2, 1, 'i-b', 'i-c') },
  },
  {
    name: 'short, and no job needs more than the present instances',
    change: { desired: 8, currentCapacity: 2, unneeded: true },
    is: { terminate: [], lower: lower(8, 2) },
  },
  {
    name: 'short, and no job needs more than the minimum',
    change: { desired: 8, currentCapacity: 2, minSize: 3, unneeded: true },
    is: { terminate: [], lower: lower(8, 3) },
  },
  {
    name: 'short, no job needs more, and one is gone: set to the present instances, which accounts for it',
    change: { desired: 8, currentCapacity: 2, unneeded: true, unaccounted: gone('i-b') },
    is: { terminate: [], lower: lower(8, 2, 'i-b') },
  },
  {
    name: 'paused, and short of one: set to the present instances, even if jobs wait',
    change: { desired: 2, suspendedMs: 120_000, backlog: 1 },
    is: { terminate: [], lower: lower(2, 1) },
  },
  {
    name: 'just paused: the missing instances may be launching',
    change: { desired: 2, suspendedMs: 119_999 },
    is: { terminate: [] },
  },
  {
    name: 'paused, and gone: not below the present instances',
    change: { desired: 1, suspendedMs: 120_000, unaccounted: gone('i-b', 'i-c') },
    is: { terminate: [], lower: lower(1, 1, 'i-b', 'i-c') },
  },
  {
    name: 'paused, with more instances than desired',
    change: { desired: 1, suspendedMs: 120_000, currentCapacity: 2 },
    is: { terminate: [] },
  },
  {
    name: 'paused, and the minimum is kept',
    change: { desired: 4, suspendedMs: 120_000, minSize: 3 },
    is: { terminate: [], lower: lower(4, 3) },
  },
])('$name', ({ change, is }) => {
  expect(correctCapacity({ ...facts, ...change })).toEqual(is);
});

test('the desired capacity is only lowered, by no more instances than ended, and not below the minimum', () => {
  const ids = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 });
  fc.assert(
    fc.property(fc.nat(20), fc.nat(5), ids, ids, (desired, minSize, present, unaccounted) => {
      const states = unaccounted.map(
        (instance): Unaccounted => ({ instance, state: present.includes(instance) ? 'present' : 'gone' }),
      );
      const facts = { desired, minSize, currentCapacity: present.length, unaccounted: states, backlog: 0 };
      const { terminate, lower } = correctCapacity(facts);
      if (!lower) return;
      expect(lower.desired).toBeLessThan(desired);
      expect(lower.desired).toBeGreaterThanOrEqual(minSize);
      expect(desired - lower.desired).toBeLessThanOrEqual(lower.instances.length);
      expect([...terminate, ...lower.instances].sort()).toEqual(unaccounted.toSorted());
    }),
  );
});
