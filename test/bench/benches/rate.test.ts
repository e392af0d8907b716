import { expect, it } from 'vitest';
import { ISOLATED, PLAIN, type Rate, verdictOf } from '../../../bench/benches/rate.ts';

const rate = (contender: string, jobsPerSecond: number): Rate => ({
  contender,
  jobsPerSecond,
  ...{ spread: 0, sqsRequestsPerJob: 0, tableWritesPerJob: 0, ratio: 1 },
});

it.each([
  [350, /0\.70 of the jobs .*: kept/],
  [349, /0\.70 of the jobs .*: NOT kept/],
])('judges %d jobs a second with a cgroup a worker beside 500 without', (isolated, verdict) => {
  expect(verdictOf([rate(PLAIN, 500), rate(ISOLATED, isolated)])).toMatch(verdict);
});

it('judges nothing where there are no cgroups', () => {
  expect(verdictOf([rate(PLAIN, 500)])).toBeUndefined();
});
