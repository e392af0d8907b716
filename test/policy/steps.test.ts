import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capacityFor, MAX_STEPS, type ScaleOutRules, type Step, stepsFor } from '../../policy/steps.ts';

/** The instances that Auto Scaling adds for a metric value: those of the step that contains it. */
function added(backlog: number, steps: Step[], threshold: number): number {
  const breach = backlog - threshold;
  const matching = steps.filter((s) => breach >= s.lower && (s.upper === undefined || breach < s.upper));
  expect(matching.length, `steps for ${backlog}`).toBe(breach < 0 ? 0 : 1);
  return matching[0]?.change ?? 0;
}

const scale: fc.Arbitrary<ScaleOutRules> = fc.record({
  threshold: fc.integer({ min: 1, max: 500 }),
  jobsPerInstance: fc.integer({ min: 1, max: 200 }),
  maxCapacity: fc.integer({ min: 1, max: 5000 }),
});

describe('stepsFor', () => {
  test('one step for each instance if 20 are enough', () => {
    expect(stepsFor({ threshold: 1, jobsPerInstance: 1, maxCapacity: 3 })).toEqual([
      { lower: 0, upper: 1, change: 1 },
      { lower: 1, upper: 2, change: 2 },
      { lower: 2, change: 3 },
    ]);
    expect(stepsFor({ threshold: 1, jobsPerInstance: 10, maxCapacity: 3 })).toEqual([
      { lower: 0, upper: 10, change: 1 },
      { lower: 10, upper: 20, change: 2 },
      { lower: 20, change: 3 },
    ]);
  });

  test('the first step adds what the threshold itself needs', () => {
    expect(stepsFor({ threshold: 25, jobsPerInstance: 10, maxCapacity: 4 })).toEqual([
      { lower: 0, upper: 6, change: 3 },
      { lower: 6, change: 4 },
    ]);
  });

  test('one open step if the threshold alone needs the maximum', () => {
    expect(stepsFor({ threshold: 100, jobsPerInstance: 1, maxCapacity: 8 })).toEqual([
      { lower: 0, change: 8 },
    ]);
  });

  test('any scale: at most 20 steps, rising, without gap or overlap, the last one open', () => {
    fc.assert(
      fc.property(scale, (s) => {
        const steps = stepsFor(s);
        expect(steps.length).toBeLessThanOrEqual(MAX_STEPS);
        expect(steps[0]?.lower).toBe(0);
        expect(steps.at(-1)?.upper).toBeUndefined();
        expect(steps.at(-1)?.change).toBe(s.maxCapacity);
        for (const [index, step] of steps.entries()) {
          const next = steps[index + 1];
          if (!next) continue;
          expect(step.upper).toBe(next.lower);
          expect(next.lower).toBeGreaterThan(step.lower);
          expect(next.change).toBeGreaterThan(step.change);
        }
      }),
    );
  });

  test('any backlog: never more than it needs, never less than half, exact up to 20 instances', () => {
    fc.assert(
      fc.property(scale, fc.integer({ min: 0, max: 200_000 }), (s, backlog) => {
        const worth = capacityFor(backlog, s);
        const change = added(backlog, stepsFor(s), s.threshold);
        expect(change).toBeLessThanOrEqual(worth);
        expect(change).toBeGreaterThanOrEqual(worth / 2);
        if (s.maxCapacity <= MAX_STEPS) expect(change).toBe(worth);
      }),
    );
  });
});

describe('capacityFor', () => {
  test.each([
    { backlog: 0, threshold: 1, jobsPerInstance: 1, maxCapacity: 10, worth: 0 },
    { backlog: 1, threshold: 1, jobsPerInstance: 5, maxCapacity: 10, worth: 1 },
    { backlog: 5, threshold: 1, jobsPerInstance: 5, maxCapacity: 10, worth: 1 },
    { backlog: 6, threshold: 1, jobsPerInstance: 5, maxCapacity: 10, worth: 2 },
    { backlog: 4, threshold: 5, jobsPerInstance: 1, maxCapacity: 10, worth: 0 },
    { backlog: 900, threshold: 5, jobsPerInstance: 1, maxCapacity: 10, worth: 10 },
  ])('$backlog messages, threshold $threshold, $jobsPerInstance each: $worth', ({ backlog, worth, ...s }) => {
    expect(capacityFor(backlog, s)).toBe(worth);
  });

  test('refuses a value that is not a count, with its name and value', () => {
    expect(() => stepsFor({ threshold: 0, jobsPerInstance: 1, maxCapacity: 1 })).toThrow(
      'threshold is 0: it must be a whole number of at least 1',
    );
    expect(() => capacityFor(1, { threshold: 1, jobsPerInstance: 1.5, maxCapacity: 1 })).toThrow(
      'jobsPerInstance is 1.5',
    );
  });
});
