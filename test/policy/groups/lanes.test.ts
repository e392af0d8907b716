import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countLanes,
  DEFAULT_LANES,
  type Lanes,
  lacksSize,
  parseLanes,
} from '../../../policy/groups/lanes.ts';
import { toWhole } from '../../../policy/groups/percent.ts';

describe('countLanes', () => {
  test.each<[Lanes | undefined, number | undefined, number]>([
    [undefined, 40, DEFAULT_LANES],
    [undefined, undefined, DEFAULT_LANES],
    [3, 40, 3],
    [3, 2, 3],
    [51, undefined, 50],
    ['25%', 40, 10],
    ['30%', 9, 2],
    ['10%', 9, 1],
    ['29%', 100, 28],
    ['100%', 7, 7],
    ['100%', 1000, 50],
    ['30%', 0, 1],
    ['30%', undefined, 1],
  ])('%j of a group of %j is %j', (lanes, size, count) => {
    expect(countLanes(lanes, { size, maxLanes: 50 })).toBe(count);
  });

  test('any lanes: from 1 to the bound, and those of a percentage as many as the jobs of a batch of it', () => {
    const lanes = fc.oneof(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 100 }).map((percent): Lanes => `${percent}%`),
    );
    const numbers = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(lanes, numbers, numbers, (value, size, maxLanes) => {
        expect(countLanes(value, { size, maxLanes })).toBe(Math.min(toWhole(value, size), maxLanes));
        expect(countLanes(value, { size, maxLanes })).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

test.each<[Lanes, number | undefined, boolean]>([
  ['30%', undefined, true],
  ['30%', 0, true],
  ['30%', 1, false],
  [3, undefined, false],
])('whether %j of a group of %j lacks the size: %j', (lanes, size, lacks) => {
  expect(lacksSize(lanes, size)).toBe(lacks);
});

describe('parseLanes', () => {
  test.each([
    ['1', 1],
    ['50', 50],
    [50, 50],
    ['1%', '1%'],
    ['100%', '100%'],
  ])('%j is %j', (given, lanes) => {
    expect(parseLanes(given, 50)).toBe(lanes);
  });

  test.each(['0', '-1', '51', '0%', '-5%', '101%', '1.5', 'all', '', '1,2'])('%j is refused', (given) => {
    expect(() => parseLanes(given, 50)).toThrow(
      new RangeError(
        `lanes is '${given}': allowed is a whole number from 1 to 50, or a whole percentage from 1% to 100%`,
      ),
    );
  });

  test('the error has the name that the caller gives', () => {
    expect(() => parseLanes('x', 50, '--lanes')).toThrow("--lanes is 'x'");
  });
});
