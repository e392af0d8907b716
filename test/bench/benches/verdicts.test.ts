import { expect, it } from 'vitest';
import { ENQUEUE, enqueueVerdict, ONE_BY_ONE } from '../../../bench/benches/enqueue.ts';
import { AGENT, outputVerdict, UPLOAD } from '../../../bench/benches/output.ts';

it.each([
  [3, '3.0 times as fast (at least 3): kept'],
  [2.9, '2.9 times as fast (at least 3): NOT kept'],
])('judges an enqueue that is %d times as fast as one by one', (ratio, verdict) => {
  const rate = { jobsPerSecond: 100, spread: 0 };
  const rates = [
    { contender: ONE_BY_ONE, ...rate, ratio: 1 },
    { contender: ENQUEUE, ...rate, ratio },
  ];
  expect(enqueueVerdict(rates)).toContain(verdict);
});

it.each([
  [40, 'by 40 MiB meanwhile (at most 40): kept'],
  [41, 'by 41 MiB meanwhile (at most 40): NOT kept'],
])('judges an agent that grows by %d MiB', (growthMiB, verdict) => {
  const outputs = [
    { contender: AGENT, mibPerSecond: 1, ratio: 1, growthMiB },
    { contender: UPLOAD, mibPerSecond: 1, ratio: 1 },
  ];
  expect(outputVerdict(outputs)).toContain(verdict);
});

it('judges nothing that was not measured', () => {
  expect([enqueueVerdict([]), outputVerdict([])]).toEqual([undefined, undefined]);
});
