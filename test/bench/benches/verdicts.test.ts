import { expect, it } from 'vitest';
import { ENQUEUE, enqueueVerdict, ONE_BY_ONE } from '../../../bench/benches/enqueue.ts';
import { AGENT, outputVerdict, UPLOAD } from '../../../bench/benches/output.ts';

it.each([
  [3, '3.0 times as fast (at least 3): met'],
  [2.9, '2.9 times as fast (at least 3): NOT met'],
])('has a verdict on an enqueue that is %d times as fast as single sends', (ratio, verdict) => {
  const rate = { jobsPerSecond: 100, spread: 0 };
  const rates = [
    { contender: ONE_BY_ONE, ...rate, ratio: 1 },
    { contender: ENQUEUE, ...rate, ratio },
  ];
  expect(enqueueVerdict(rates)).toContain(verdict);
});

it.each([
  [40, 'by 40 MiB (at most 40): met'],
  [41, 'by 41 MiB (at most 40): NOT met'],
])('has a verdict on an agent that grows by %d MiB', (growthMiB, verdict) => {
  const outputs = [
    { contender: AGENT, mibPerSecond: 1, ratio: 1, growthMiB },
    { contender: UPLOAD, mibPerSecond: 1, ratio: 1 },
  ];
  expect(outputVerdict(outputs)).toContain(verdict);
});

it('has no verdict on what was not measured', () => {
  expect([enqueueVerdict([]), outputVerdict([])]).toEqual([undefined, undefined]);
});
