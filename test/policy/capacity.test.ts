import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CapacityFacts, correctCapacity } from '../../policy/capacity.ts';

const facts: CapacityFacts = { desired: 2, minSize: 0, present: ['i-a'], retiredBelow: [], backlog: 0 };

test.each([
  { name: 'nothing retired below', change: {}, is: { terminate: [] } },
  {
    name: 'gone, and the group still wants it',
    change: { retiredBelow: ['i-b'] },
    is: { terminate: [], desired: 1 },
  },
  {
    name: 'gone, and replaced already',
    change: { retiredBelow: ['i-b'], present: ['i-a', 'i-c'] },
    is: { terminate: [] },
  },
  { name: 'gone, with jobs waiting', change: { retiredBelow: ['i-b'], backlog: 1 }, is: { terminate: [] } },
  { name: 'still there', change: { retiredBelow: ['i-a'] }, is: { terminate: ['i-a'] } },
  {
    name: 'the minimum holds',
    change: { retiredBelow: ['i-b', 'i-c'], present: [], minSize: 1 },
    is: { terminate: [], desired: 1 },
  },
])('$name', ({ change, is }) => {
  expect(correctCapacity({ ...facts, ...change })).toEqual(is);
});

test('the desired capacity is only ever lowered, never below what runs or the minimum', () => {
  const ids = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 });
  fc.assert(
    fc.property(fc.nat(20), fc.nat(5), ids, ids, (desired, minSize, present, retiredBelow) => {
      const correction = correctCapacity({ desired, minSize, present, retiredBelow, backlog: 0 });
      if (correction.desired === undefined) return;
      expect(correction.desired).toBeLessThan(desired);
      expect(correction.desired).toBeGreaterThanOrEqual(Math.max(minSize, present.length));
      expect(desired - correction.desired).toBeLessThanOrEqual(
        retiredBelow.length - correction.terminate.length,
      );
    }),
  );
});
