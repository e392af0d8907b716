import { expect, test } from 'vitest';
import { type DemandFacts, judgeDemand } from '../../policy/demand.ts';

const NOW_MS = 10 * 60_000;
const minutesAgo = (minutes: number) => NOW_MS - minutes * 60_000;

/** Eight instances are desired, EC2 launched two, and the jobs are done. The previous run found the same. */
const facts: DemandFacts = {
  ...{ desired: 8, minSize: 0, currentCapacity: 2, pending: false, backlog: 0 },
  ...{ nowMs: NOW_MS, unneededSinceMs: minutesAgo(1), launchesMs: [minutesAgo(5)], lastScaledMs: undefined },
};

test.each<{ name: string; change: Partial<DemandFacts>; drop: boolean; sinceMs?: number }>([
  { name: 'found by two runs, long after the last launch', change: {}, drop: true, sinceMs: minutesAgo(1) },
  { name: 'found once', change: { unneededSinceMs: undefined }, drop: false, sinceMs: NOW_MS },
  {
    name: 'found twice in the same minute',
    change: { unneededSinceMs: NOW_MS - 29_999 },
    drop: false,
    sinceMs: NOW_MS - 29_999,
  },
  { name: 'a job waits', change: { backlog: 1 }, drop: false },
  { name: 'all desired instances are there', change: { currentCapacity: 8 }, drop: false },
  { name: 'more than the desired instances are there', change: { currentCapacity: 9 }, drop: false },
  { name: 'the minimum is missing', change: { minSize: 8 }, drop: false },
  { name: 'more than the minimum is missing', change: { minSize: 7 }, drop: true, sinceMs: minutesAgo(1) },
  { name: 'a launch is in progress', change: { pending: true }, drop: false, sinceMs: minutesAgo(1) },
  {
    name: 'two minutes since the last successful launch',
    change: { launchesMs: [minutesAgo(9), minutesAgo(2)] },
    drop: true,
    sinceMs: minutesAgo(1),
  },
  {
    name: 'less than two minutes since the last successful launch',
    change: { launchesMs: [minutesAgo(9), minutesAgo(1.9)] },
    drop: false,
    sinceMs: minutesAgo(1),
  },
  {
    name: 'a launch that began when no job needed it any more does not delay',
    change: { launchesMs: [minutesAgo(5), minutesAgo(0.5)] },
    drop: true,
    sinceMs: minutesAgo(1),
  },
  {
    name: 'two minutes since the last change by the keeper',
    change: { lastScaledMs: minutesAgo(2) },
    drop: true,
    sinceMs: minutesAgo(1),
  },
  {
    name: 'less than two minutes since the last change by the keeper',
    change: { lastScaledMs: minutesAgo(1.9) },
    drop: false,
    sinceMs: minutesAgo(1),
  },
  { name: 'nothing was ever launched', change: { launchesMs: [] }, drop: true, sinceMs: minutesAgo(1) },
])('$name', ({ change, drop, sinceMs }) => {
  expect(judgeDemand({ ...facts, ...change })).toEqual({ unneededSinceMs: sinceMs, drop });
});
