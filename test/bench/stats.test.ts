import { expect, it } from 'vitest';
import { median, spread } from '../../bench/stats.ts';

it.each([
  [[3], 3],
  [[5, 1, 3], 3],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, middle) => expect(median(values)).toBe(middle));

it('the median of an empty list is an error', () => {
  expect(() => median([])).toThrow('the median of no values');
});

it('the spread is half the range as a fraction of the median', () =>
  expect(spread([90, 100, 120])).toBeCloseTo(0.15));
