import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conflictIn, type FailurePolicy, parseMaxFail, shouldTrip } from '../../../policy/groups/failures.ts';

const MAX_FAILS: FailurePolicy['maxFail'][] = [undefined, 0, 2, '0%', '30%', '100%', '150%'];

describe('shouldTrip', () => {
  test.each<{ policy: FailurePolicy; size: number; trips: number | 'never' }>([
    { policy: {}, size: 10, trips: 1 },
    { policy: { anyErrorsFatal: true }, size: 10, trips: 1 },
    { policy: { anyErrorsFatal: true, maxFail: '50%' }, size: 10, trips: 1 },
    { policy: { anyErrorsFatal: false, maxFail: '50%' }, size: 10, trips: 6 },
    { policy: { maxFail: 0 }, size: 10, trips: 1 },
    { policy: { maxFail: '0%' }, size: 10, trips: 1 },
    { policy: { maxFail: 2 }, size: 10, trips: 3 },
    { policy: { maxFail: '30%' }, size: 10, trips: 4 },
    { policy: { maxFail: '29%' }, size: 100, trips: 30 },
    { policy: { maxFail: '30%' }, size: 9, trips: 3 },
    { policy: { maxFail: '99%' }, size: 10, trips: 10 },
    // A batch that failed whole.
    { policy: { maxFail: '100%' }, size: 10, trips: 10 },
    { policy: { maxFail: '150%' }, size: 10, trips: 10 },
    { policy: { maxFail: 20 }, size: 10, trips: 10 },
    { policy: { maxFail: 2 }, size: 1, trips: 1 },
    { policy: { keepGoing: false }, size: 10, trips: 1 },
    { policy: { keepGoing: true }, size: 10, trips: 'never' },
    { policy: { keepGoing: true }, size: 1, trips: 'never' },
  ])('$policy in a batch of $size: $trips', ({ policy, size, trips }) => {
    const failures = Array.from({ length: size + 1 }, (_, batchFailed) => batchFailed);
    const first = failures.find((batchFailed) => shouldTrip({ batchSize: size, batchFailed }, policy));
    expect(first ?? 'never').toBe(trips);
  });

  const policies = fc.record({
    maxFail: fc.constantFrom(...MAX_FAILS),
    keepGoing: fc.boolean(),
    anyErrorsFatal: fc.boolean(),
  });
  const batches = fc
    .integer({ min: 1, max: 200 })
    .chain((batchSize) => fc.tuple(fc.constant(batchSize), fc.nat({ max: batchSize })));

  test('any policy: not without a failure, and one more failure does not take it back', () => {
    fc.assert(
      fc.property(policies, batches, (policy, [batchSize, batchFailed]) => {
        expect(shouldTrip({ batchSize, batchFailed: 0 }, policy)).toBe(false);
        const now = shouldTrip({ batchSize, batchFailed }, policy);
        if (batchFailed < batchSize && now)
          expect(shouldTrip({ batchSize, batchFailed: batchFailed + 1 }, policy)).toBe(true);
      }),
    );
  });

  test('any percentage: more than it trips, exactly it does not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), batches, (percent, [batchSize, batchFailed]) => {
        const isMore = batchFailed * 100 > percent * batchSize;
        const isWhole = batchFailed === batchSize;
        expect(shouldTrip({ batchSize, batchFailed }, { maxFail: `${percent}%` })).toBe(isMore || isWhole);
      }),
    );
  });

  test('any batch that failed whole trips unless the request keeps going', () => {
    fc.assert(
      fc.property(policies, batches, (policy, [batchSize]) => {
        expect(shouldTrip({ batchSize, batchFailed: batchSize }, policy)).toBe(!policy.keepGoing);
      }),
    );
  });
});

describe('parseMaxFail', () => {
  test.each([
    ['0', 0],
    ['2', 2],
    [2, 2],
    ['0%', '0%'],
    ['30%', '30%'],
    ['150%', '150%'],
  ])('%j is %j', (given, maxFail) => {
    expect(parseMaxFail(given)).toBe(maxFail);
  });

  test.each(['-1', '-1%', '1.5', '12.5%', 'all', ''])('%j is refused', (given) => {
    expect(() => parseMaxFail(given)).toThrow(
      new RangeError(
        `maxFail is '${given}': allowed is a whole number or a whole percentage of at least 0, such as 2 or 30%`,
      ),
    );
  });

  test('the error has the name that the caller gives', () => {
    expect(() => parseMaxFail('x', '--max-fail')).toThrow("--max-fail is 'x'");
  });
});

test.each<[FailurePolicy, ReturnType<typeof conflictIn>]>([
  [{}, undefined],
  [{ keepGoing: true }, undefined],
  [{ keepGoing: true, anyErrorsFatal: false }, undefined],
  [{ keepGoing: false, maxFail: 0 }, undefined],
  [{ maxFail: 2, anyErrorsFatal: true }, undefined],
  [{ keepGoing: true, maxFail: 0 }, ['keepGoing', 'maxFail']],
  [{ keepGoing: true, anyErrorsFatal: true }, ['keepGoing', 'anyErrorsFatal']],
])('the conflict in %j is %j', (policy, conflict) => {
  expect(conflictIn(policy)).toEqual(conflict);
});
