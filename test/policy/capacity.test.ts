import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CapacityFacts, correctCapacity } from '../../policy/capacity.ts';

const facts: CapacityFacts = { desired: 2, minSize: 0, present: ['i-a'], unaccounted: [], backlog: 0 };

test.each([
  { name: 'nothing to account for', change: {}, is: { terminate: [] } },
  {
    name: 'gone, and the group still wants it',
    change: { unaccounted: ['i-b'] },
    is: { terminate: [], lower: { desired: 1, instead: ['i-b'] } },
  },
  {
    name: 'gone, and its successor runs',
    change: { unaccounted: ['i-b'], present: ['i-a', 'i-c'] },
    is: { terminate: [], lower: { desired: 1, instead: ['i-b'] } },
  },
  { name: 'gone, with jobs waiting', change: { unaccounted: ['i-b'], backlog: 1 }, is: { terminate: [] } },
  { name: 'still there', change: { unaccounted: ['i-a'] }, is: { terminate: ['i-a'] } },
  {
    name: 'still there, with jobs waiting',
    change: { unaccounted: ['i-a'], backlog: 1 },
    is: { terminate: ['i-a'] },
  },
  {
    name: 'the minimum holds',
    change: { unaccounted: ['i-b', 'i-c'], present: [], minSize: 1 },
    is: { terminate: [], lower: { desired: 1, instead: ['i-b', 'i-c'] } },
  },
  {
    name: 'paused, and short of one: what there is, with jobs waiting too',
    change: { desired: 2, heldMs: 120_000, backlog: 1 },
    is: { terminate: [], lower: { desired: 1, instead: [] } },
  },
  {
    name: 'paused just now: what is short may be on its way',
    change: { desired: 2, heldMs: 119_999 },
    is: { terminate: [] },
  },
  {
    name: 'paused, and gone: not below what there is, however many went',
    change: { desired: 1, heldMs: 120_000, unaccounted: ['i-b', 'i-c'] },
    is: { terminate: [], lower: { desired: 1, instead: ['i-b', 'i-c'] } },
  },
  {
    name: 'paused, with more than are desired',
    change: { desired: 1, heldMs: 120_000, present: ['i-a', 'i-b'] },
    is: { terminate: [] },
  },
  {
    name: 'paused, and the minimum holds',
    change: { desired: 4, heldMs: 120_000, minSize: 3 },
    is: { terminate: [], lower: { desired: 3, instead: [] } },
  },
])('$name', ({ change, is }) => {
  expect(correctCapacity({ ...facts, ...change })).toEqual(is);
});

test('the desired capacity is only ever lowered, by no more than went, and not below the minimum', () => {
  const ids = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 });
  fc.assert(
    fc.property(fc.nat(20), fc.nat(5), ids, ids, (desired, minSize, present, unaccounted) => {
      const { terminate, lower } = correctCapacity({ desired, minSize, present, unaccounted, backlog: 0 });
      if (!lower) return;
      expect(lower.desired).toBeLessThan(desired);
      expect(lower.desired).toBeGreaterThanOrEqual(minSize);
      expect(desired - lower.desired).toBeLessThanOrEqual(lower.instead.length);
      expect([...terminate, ...lower.instead].sort()).toEqual(unaccounted.toSorted());
    }),
  );
});
