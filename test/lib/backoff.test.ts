import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../../lib/backoff.ts';

const bounds = { initialMs: 1000, maxMs: 60_000 };

test.each([
  [1, 1000],
  [2, 2000],
  [6, 32_000],
  [7, 60_000],
  [5000, 60_000],
])('after %i failures the wait is at most %i ms', (tries, boundMs) => {
  expect(backoffMs(bounds, tries, () => 0)).toBe(0);
  expect(backoffMs(bounds, tries, () => 0.5)).toBe(boundMs / 2);
});

test.each([
  [1, 120_000],
  [2, 600_000],
  [3, 900_000],
  [5000, 900_000],
])('with a factor of 5, after %i failures the wait is at most %i ms', (tries, boundMs) => {
  const longer = { initialMs: 120_000, factor: 5, maxMs: 900_000 };
  expect(backoffMs(longer, tries, () => 0.5)).toBe(boundMs / 2);
});

test('a wait is never negative, never above the maximum and never infinite', () => {
  const number = fc.double({ min: 0, max: 1e7, noNaN: true });
  fc.assert(
    fc.property(
      number,
      number,
      fc.nat(),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (a, b, tries, random) => {
        const wait = backoffMs({ initialMs: Math.min(a, b), maxMs: Math.max(a, b) }, tries, () => random);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(Math.max(a, b));
      },
    ),
  );
});
