import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Adjustment,
  adjustCapacity,
  type Capacities,
  desiredAfterStep,
  findStep,
  findStepsProblem,
} from '../../../services/autoscaling/capacity.ts';
import type { Step } from '../../../services/autoscaling/group.ts';

const step = (lower: number | undefined, upper: number | undefined, adjustment: number): Step => ({
  lower,
  upper,
  adjustment,
});

describe('findStep', () => {
  // The guide's example: a threshold of 50, with a policy that scales out and one that scales in.
  const out = [step(0, 10, 0), step(10, 20, 10), step(20, undefined, 30)];
  const back = [step(-10, 0, 0), step(-20, -10, -10), step(undefined, -20, -30)];

  test.each([
    [50, 0],
    [59.9, 0],
    [60, 10],
    [69.9, 10],
    [70, 30],
    [1e9, 30],
  ])('above the threshold lower bounds are inclusive: %d', (value, adjustment) => {
    expect(findStep(out, value, 50)?.adjustment).toBe(adjustment);
  });

  test.each([
    [41, 0],
    [40, -10],
    [30.1, -10],
    [30, -30],
    [-1e9, -30],
  ])('below it upper bounds are inclusive: %d', (value, adjustment) => {
    expect(findStep(back, value, 50)?.adjustment).toBe(adjustment);
  });

  test('a value outside all steps has no step', () => {
    expect(findStep(out, 49, 50)).toBeUndefined();
  });
});

test.each([
  [10, 'PercentChangeInCapacity', 10, undefined, 11],
  [11, 'PercentChangeInCapacity', 30, undefined, 14],
  [4, 'PercentChangeInCapacity', 25, 2, 6],
  [1, 'PercentChangeInCapacity', 67, undefined, 2],
  [1, 'PercentChangeInCapacity', -58, undefined, 0],
  [20, 'PercentChangeInCapacity', -33.35, undefined, 14],
  [3, 'ChangeInCapacity', 5, undefined, 8],
  [3, 'ExactCapacity', 5, undefined, 5],
] as const)('adjusting %d by %s %d (at least %s) gives %d', (capacity, type, amount, minMagnitude, after) => {
  expect(adjustCapacity(capacity, { type, amount, minMagnitude })).toBe(after);
});

describe('desiredAfterStep', () => {
  const group: Capacities = { min: 0, max: 100, desired: 10, warm: 10, warming: 0, terminating: 0 };
  const percent = (amount: number): Adjustment => ({
    type: 'PercentChangeInCapacity',
    amount,
    minMagnitude: undefined,
  });
  const by = (amount: number): Adjustment => ({ type: 'ChangeInCapacity', amount, minMagnitude: undefined });

  test.each<[string, Partial<Capacities>, Adjustment, number]>([
    ['adds to the warm instances', {}, percent(10), 11],
    ['counts warming instances towards the same step', { desired: 11, warming: 1 }, percent(10), 11],
    ['adds only the rest of a larger step', { desired: 11, warming: 1 }, percent(30), 13],
    ['does not pass the maximum', { max: 12 }, by(5), 12],
    ['scales in from all instances', { desired: 10 }, by(-3), 7],
    ['does not pass the minimum', { min: 9 }, by(-3), 9],
    ['counts terminating instances when scaling in', { desired: 8, warm: 8, terminating: 2 }, by(-1), 8],
    ['does not scale in while scaling out', { desired: 11, warming: 1 }, by(-3), 11],
    ['starts from nothing', { desired: 0, warm: 0 }, by(4), 4],
  ])('%s', (_, state, adjustment, desired) => {
    expect(desiredAfterStep({ ...group, ...state }, adjustment)).toBe(desired);
  });

  test('a repeated alarm adds nothing while instances warm up', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.integer({ min: 1, max: 20 }), fc.nat(40), (warm, amount, max) => {
        const before = { ...group, max: Math.max(max, warm), desired: warm, warm };
        const desired = desiredAfterStep(before, by(amount));
        const after = { ...before, desired, warming: desired - warm };
        expect(desiredAfterStep(after, by(amount))).toBe(desired);
      }),
    );
  });
});

test.each<[string, Step[], RegExp | undefined]>([
  ['one open step', [step(0, undefined, 1)], undefined],
  ['steps that meet', [step(0, 5, 1), step(5, undefined, 2)], undefined],
  ['none', [], /At least one/],
  ['a gap', [step(0, 5, 1), step(6, undefined, 2)], /gap/],
  ['an overlap', [step(0, 5, 1), step(4, undefined, 2)], /overlap/],
  ['no end above', [step(0, 5, 1)], /null upper bound/],
  ['no end below', [step(-5, 0, -1)], /null lower bound/],
  ['no bound at all', [step(undefined, undefined, 1)], /cannot both be null/],
  ['a lower bound above the upper one', [step(5, 0, 1)], /must be less/],
  ['too many', Array.from({ length: 21 }, (_, n) => step(n, n === 20 ? undefined : n + 1, n)), /At most 20/],
])('a step policy with %s', (_, steps, problem) => {
  const found = findStepsProblem(steps);
  if (problem) expect(found).toMatch(problem);
  else expect(found).toBeUndefined();
});
