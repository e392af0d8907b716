import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectedRunMs, prefetchCount } from '../../policy/prefetch.ts';

test.each([
  ['nothing is known', 8, undefined, 0],
  ['a job takes longer than a second', 8, 1001, 0],
  ['a job takes a second', 8, 1000, 8],
  ['a job takes a third of one', 2, 333, 6],
  ['jobs are very short', 8, 2, 50],
  ['jobs take no time at all', 1, 0, 50],
])('%s: %i slots at %s ms a job hold %i jobs more', (_, slots, runMs, count) => {
  expect(prefetchCount(slots, runMs)).toBe(count);
});

test('one long job ends all prefetching at once, short jobs restore it gradually', () => {
  const run = (times: number[]) =>
    times.reduce<number | undefined>((expected, ms) => expectedRunMs(expected, ms), undefined);
  expect(prefetchCount(8, run([5, 5, 5, 30_000]))).toBe(0);
  expect(prefetchCount(8, run([30_000, ...Array(10).fill(5)]))).toBe(0);
  expect(prefetchCount(8, run([30_000, ...Array(20).fill(5)]))).toBeGreaterThan(0);
});

test('prefetched jobs start within a second, if jobs take the expected time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.double({ min: 0.1, max: 1e5, noNaN: true }),
      (slots, ms) => {
        const rounds = Math.ceil(prefetchCount(slots, ms) / slots);
        expect(rounds * ms).toBeLessThanOrEqual(1000);
      },
    ),
  );
});
