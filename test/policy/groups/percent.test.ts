import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isPercent,
  type Percent,
  parseAmount,
  percentageOf,
  toWhole,
} from '../../../policy/groups/percent.ts';

describe('parseAmount', () => {
  test.each([
    ['5', 5],
    [5, 5],
    [' 5 ', 5],
    ['05', 5],
    ['-3', -3],
    ['-0', 0],
    [-0, 0],
    ['30%', '30%'],
    [' 030% ', '30%'],
    ['-10%', '-10%'],
    ['-0%', '0%'],
  ])('%j is %j', (given, amount) => {
    expect(parseAmount(given)).toBe(amount);
  });

  test.each(['', ' ', '%', '1.5', '1.5%', '1e3', '0x10', '+5', '30 %', '30%%', 'ten', '1,5', '9'.repeat(17)])(
    '%j is no amount',
    (given) => {
      expect(parseAmount(given)).toBeUndefined();
    },
  );

  test.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('the number %d is no amount', (given) => {
    expect(parseAmount(given)).toBeUndefined();
  });

  test('an amount stays what it is when it is written and read again', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom('', '%'), (value, sign) => {
        const amount = parseAmount(`${value}${sign}`) ?? Number.NaN;
        expect(parseAmount(`${amount}`)).toBe(amount);
        expect(isPercent(amount)).toBe(sign === '%');
      }),
    );
  });
});

test('percentageOf is the number before the sign', () => {
  expect(percentageOf('30%')).toBe(30);
  expect(percentageOf('-7%')).toBe(-7);
});

describe('toWhole', () => {
  test.each<[Percent | number, number, number]>([
    [7, 100, 7],
    [0, 100, 0],
    ['30%', 20, 6],
    ['10%', 15, 1],
    ['1%', 15, 1],
    ['0%', 15, 1],
    ['150%', 4, 6],
    ['29%', 100, 28],
    ['28%', 100, 28],
    ['-1%', 10, 1],
    ['-10%', 10, -1],
    ['50%', 0, 1],
  ])('%j of %j is %j', (amount, count, whole) => {
    expect(toWhole(amount, count)).toBe(whole);
  });

  test('any percentage: never more than the exact number, at most one less, and at least one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 0, max: 100_000 }),
        (percent, count) => {
          const exact = Math.floor((percent * count) / 100);
          expect([1, exact - 1, exact]).toContain(toWhole(`${percent}%`, count));
          expect(toWhole(`${percent}%`, count)).toBeLessThanOrEqual(Math.max(1, exact));
          expect(toWhole(`${percent}%`, count)).toBeGreaterThanOrEqual(Math.max(1, exact - 1));
        },
      ),
    );
  });
});
