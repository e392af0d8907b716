import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BatchSize,
  batchEnd,
  parseBatchSize,
  parseSerial,
  splitIntoBatches,
} from '../../../policy/groups/batches.ts';

const ones = (count: number) => Array.from({ length: count }, () => 1);

const serials = fc.array(
  fc.oneof(
    fc.integer({ min: -3, max: 50 }),
    fc.integer({ min: -50, max: 200 }).map((percent): BatchSize => `${percent}%`),
  ),
  { maxLength: 5 },
);
const counts = fc.integer({ min: 0, max: 500 });

describe('splitIntoBatches', () => {
  test.each<[number, BatchSize[], number[]]>([
    [100, [1, 5, 10, '100%'], [1, 5, 10, 84]],
    [12, [1, 5, 10, '100%'], [1, 5, 6]],
    [20, ['30%'], [6, 6, 6, 2]],
    [15, ['10%'], ones(15)],
    [40, [1, 5, 10], [1, 5, 10, 10, 10, 4]],
    [100, ['29%'], [28, 28, 28, 16]],
    [7, [0], [7]],
    [7, [-2], [7]],
    [4, ['0%'], ones(4)],
    [9, [2, '0%'], [2, ...ones(7)]],
    [9, ['50%', 0], [4, 5]],
    [4, ['150%'], [4]],
    [10, ['-1%'], ones(10)],
    [10, ['-10%'], [10]],
    [7, [], [7]],
    [0, [3], []],
    [0, [], []],
  ])('%j by %j is %j', (count, serial, sizes) => {
    expect(splitIntoBatches(count, serial)).toEqual(sizes);
  });

  test('any split: the batches have all jobs, and none is empty', () => {
    fc.assert(
      fc.property(counts, serials, (count, serial) => {
        const sizes = splitIntoBatches(count, serial);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count);
        expect(sizes.every((size) => Number.isInteger(size) && size >= 1)).toBe(true);
      }),
    );
  });

  test('any split: the last size is that of all further batches but the last', () => {
    fc.assert(
      fc.property(counts, serials, (count, serial) => {
        const further = splitIntoBatches(count, serial).slice(Math.max(0, serial.length - 1), -1);
        expect(new Set(further).size).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('batchEnd', () => {
  test('the first batch, one in between, and the last', () => {
    expect(batchEnd(100, [1, 5, 10, '100%'], 0, 0)).toBe(1);
    expect(batchEnd(100, [1, 5, 10, '100%'], 1, 1)).toBe(6);
    expect(batchEnd(100, [1, 5, 10, '100%'], 16, 3)).toBe(100);
    expect(batchEnd(40, [1, 5, 10], 16, 3)).toBe(26);
    expect(batchEnd(100_000, [], 0, 0)).toBe(100_000);
  });

  test('a percentage is of all jobs, not of those that are left', () => {
    expect(batchEnd(100, ['30%'], 60, 2)).toBe(90);
  });

  test('any batch ends after its start, at the end of the jobs at the latest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        serials,
        fc.nat(),
        fc.nat({ max: 10_000 }),
        (count, serial, from, index) => {
          const start = from % count;
          const end = batchEnd(count, serial, start, index);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(count);
        },
      ),
    );
  });
});

describe('parseSerial', () => {
  test.each<[string | number | (string | number)[], BatchSize[]]>([
    ['1,5,10,100%', [1, 5, 10, '100%']],
    [' 1, 5 ', [1, 5]],
    ['30%', ['30%']],
    ['0', [0]],
    ['-1', [-1]],
    [3, [3]],
    [
      [1, '5', '30%'],
      [1, 5, '30%'],
    ],
    [[], []],
  ])('%j is %j', (given, serial) => {
    expect(parseSerial(given)).toEqual(serial);
  });

  test.each([
    ['1,5x', '5x'],
    ['1,,5', ''],
    ['', ''],
    ['1.5', '1.5'],
    ['12.5%', '12.5%'],
    [[1, 2.5], '2.5'],
  ])('%j is refused, with its size %j', (given, size) => {
    expect(() => parseSerial(given)).toThrow(
      new RangeError(
        `serial has '${size}': allowed is a whole number (0 or less: all that are left) or a whole percentage, such as 5 or 30%`,
      ),
    );
  });

  test('the error has the name that the caller gives', () => {
    expect(() => parseSerial('x', '--serial')).toThrow("--serial has 'x'");
    expect(() => parseBatchSize('x', 'first')).toThrow("first has 'x'");
  });
});
