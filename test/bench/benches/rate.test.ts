import { expect, it } from 'vitest';
import {
  FOLLOWED,
  ISOLATED,
  PLAIN,
  type Rate,
  rateVerdicts,
  UNFOLLOWED,
} from '../../../bench/benches/rate.ts';

const rate = (contender: string, jobsPerSecond: number): Rate => ({
  contender,
  jobsPerSecond,
  ...{ spread: 0, sqsRequestsPerJob: 0, tableWritesPerJob: 0, ratio: 1 },
});

it.each([
  [350, /0\.70 of the jobs .*: met/],
  [349, /0\.70 of the jobs .*: NOT met/],
])('compares %d jobs a second with a cgroup for each worker to 500 without', (isolated, verdict) => {
  expect(rateVerdicts([rate(PLAIN, 500), rate(ISOLATED, isolated)])).toEqual([
    expect.stringMatching(verdict),
  ]);
});

it.each([
  [90, /0\.45 of the jobs .*: met/],
  [89, /0\.45 of the jobs .*: NOT met/],
])('compares %d jobs a second with status and log to 200 without', (followed, verdict) => {
  const rates = [rate(UNFOLLOWED, 200), rate(FOLLOWED, followed)];
  expect(rateVerdicts(rates)).toEqual([expect.stringMatching(verdict)]);
});

it('has no verdict without cgroups', () => {
  expect(rateVerdicts([rate(PLAIN, 500)])).toEqual([]);
});
