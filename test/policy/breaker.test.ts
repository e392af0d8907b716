import { describe, expect, test } from 'vitest';
import {
  countConsecutiveFailures,
  judgeLaunch,
  type Launch,
  shouldTrip,
  stalledSince,
} from '../../policy/breaker.ts';

type Fate = Parameters<typeof judgeLaunch>[0];

/** One letter per launch, the oldest first: ready, failed, pending. */
function launches(story: string): Launch[] {
  const outcomes = { r: 'ready', f: 'failed', p: 'pending' } as const;
  return [...story].map((letter, index) => ({
    instance: `i-${index}`,
    startedAtMs: index + 1,
    outcome: outcomes[letter as keyof typeof outcomes],
  }));
}

describe('consecutive failures', () => {
  test.each([
    { story: '', resumedAtMs: undefined, failures: 0 },
    { story: 'fff', resumedAtMs: undefined, failures: 3 },
    { story: 'ffrff', resumedAtMs: undefined, failures: 2 },
    { story: 'fffr', resumedAtMs: undefined, failures: 0 },
    { story: 'rfpfpf', resumedAtMs: undefined, failures: 3 },
    { story: 'fffff', resumedAtMs: 4, failures: 1 },
    { story: 'fff', resumedAtMs: 3, failures: 0 },
  ])('$story, resumed $resumedAtMs: $failures', ({ story, resumedAtMs, failures }) => {
    const facts = { launches: launches(story), resumedAtMs, limit: 3 };
    expect(countConsecutiveFailures(facts)).toBe(failures);
    expect(shouldTrip(facts)).toBe(failures >= 3);
    expect(countConsecutiveFailures({ ...facts, launches: facts.launches.toReversed() })).toBe(failures);
  });
});

test.each<[string, (string | undefined)[], number]>([
  ['one after the other', ['a', 'b', 'c'], 3],
  ['all with one job: one job may be the cause', ['a', 'a', 'a'], 1],
  ['by turns with two jobs', ['a', 'b', 'a', 'b'], 2],
  [
    'with jobs that nobody knows, as records of an earlier version have none',
    [undefined, undefined, undefined],
    3,
  ],
  ['some with one job', ['a', undefined, 'a', undefined], 3],
])('of instances that broke %s', (_, jobs, failures) => {
  const failed = jobs.map((job, index): Launch => {
    return { instance: `i-${index}`, startedAtMs: index + 2, outcome: 'failed', ...(job && { job }) };
  });
  const before: Launch = { instance: 'i-before', startedAtMs: 1, outcome: 'ready' };
  expect(countConsecutiveFailures({ launches: [before, ...failed], resumedAtMs: undefined, limit: 3 })).toBe(
    failures,
  );
});

test('three times the limit opens the breaker with one job as well, as it may have many tries', () => {
  const failed = Array.from({ length: 9 }, (_, index): Launch => {
    return { instance: `i-${index}`, startedAtMs: index, outcome: 'failed', job: 'a' };
  });
  expect(shouldTrip({ launches: failed, resumedAtMs: -1, limit: 3 })).toBe(true);
  expect(shouldTrip({ launches: failed.slice(1), resumedAtMs: -1, limit: 3 })).toBe(false);
});

test.each<{ name: string; launch: Partial<Fate> & { present: boolean }; is: Launch['outcome'] }>([
  { name: 'was ready, is gone', launch: { readyAt: 'x', present: false }, is: 'ready' },
  {
    name: 'was ready, crashed',
    launch: { readyAt: 'x', reason: 'agent-crashed', present: true },
    is: 'ready',
  },
  {
    name: 'reports, but AWS has not answered it yet',
    launch: { hasReported: true, present: true },
    is: 'pending',
  },
  {
    name: 'reported, and retired as idle before the table had the report that it was ready',
    launch: { hasReported: true, reason: 'idle', present: false },
    is: 'ready',
  },
  {
    name: 'was denied the queue, and was never ready',
    launch: { hasReported: true, reason: 'cannot-receive', refusal: 'lasting', present: true },
    is: 'failed',
  },
  {
    name: 'was ready, and then denied the table before it did a job',
    launch: { readyAt: 'x', reason: 'cannot-use-table', refusal: 'lasting', jobsDone: 0, present: false },
    is: 'failed',
  },
  {
    name: 'did jobs before it was denied the queue',
    launch: { readyAt: 'x', reason: 'cannot-receive', refusal: 'lasting', jobsDone: 3, present: false },
    is: 'ready',
  },
  {
    name: 'met an outage of AWS',
    launch: { hasReported: true, reason: 'cannot-receive', refusal: 'passing', present: false },
    is: 'pending',
  },
  {
    name: 'was ready when an outage of AWS began',
    launch: { readyAt: 'x', reason: 'cannot-use-table', refusal: 'passing', present: false },
    is: 'pending',
  },
  {
    name: 'was denied the role of its workers',
    launch: { hasReported: true, reason: 'cannot-assume-worker-role', refusal: 'lasting', present: false },
    is: 'failed',
  },
  {
    name: 'could not read the secrets of its workers',
    launch: { readyAt: 'x', reason: 'cannot-read-secrets', refusal: 'lasting', jobsDone: 0, present: false },
    is: 'failed',
  },
  {
    name: 'did jobs before it could not read the secrets any more',
    launch: { readyAt: 'x', reason: 'cannot-read-secrets', refusal: 'lasting', jobsDone: 3, present: false },
    is: 'ready',
  },
  { name: 'boots', launch: { present: true }, is: 'pending' },
  { name: 'ended without a report', launch: { present: false }, is: 'failed' },
  {
    name: 'cannot start the worker',
    launch: { hasReported: true, reason: 'worker-missing', present: true },
    is: 'failed',
  },
  { name: 'was ended by the keeper', launch: { reason: 'boot-failed', present: true }, is: 'failed' },
  {
    name: 'was ready, and could not start one worker',
    launch: { readyAt: 'x', reason: 'worker-missing', jobsDone: 0, present: false },
    is: 'failed',
  },
  {
    name: 'could not start workers any more',
    launch: { readyAt: 'x', reason: 'worker-missing', jobsDone: 7, present: false },
    is: 'ready',
  },
  {
    name: 'was ready, and its disk was full before it did a job',
    launch: { readyAt: 'x', reason: 'disk-full', jobsDone: 0, present: false },
    is: 'failed',
  },
  {
    name: 'was found unhealthy at its first job',
    launch: { readyAt: 'x', reason: 'unhealthy', jobsDone: 0, present: true },
    is: 'failed',
  },
  {
    name: 'did jobs, and filled its disk with them',
    launch: { readyAt: 'x', reason: 'disk-full', jobsDone: 7, present: false },
    is: 'ready',
  },
  {
    name: 'is so young that the group was read before its launch',
    launch: { present: false, ageMs: 5000 },
    is: 'pending',
  },
  { name: 'was interrupted by Spot', launch: { reason: 'spot-interruption', present: false }, is: 'pending' },
])('a launch that $name: $is', ({ launch, is }) => {
  expect(judgeLaunch({ hasReported: false, ageMs: 300_000, ...launch })).toBe(is);
});

describe('a launch during whose life jobs waited, and no instance of the fleet started one', () => {
  const stalled = {
    readyAt: 'x',
    readyMs: 170_000,
    hasReported: true,
    present: false,
    endedMs: 120_000,
    stalledMs: 300_000,
  };
  test.each<{ name: string; launch: Partial<Fate>; is: Launch['outcome'] }>([
    { name: 'went idle', launch: { reason: 'idle' }, is: 'failed' },
    {
      name: 'went idle before it was ready',
      launch: { reason: 'idle', readyAt: undefined, readyMs: undefined },
      is: 'failed',
    },
    {
      name: 'ended just now, so that a start elsewhere may not be reported yet',
      launch: { reason: 'idle', endedMs: 119_000 },
      is: 'pending',
    },
    {
      name: 'was ready before the jobs waited',
      launch: { reason: 'idle', readyMs: 190_000, stalledMs: 189_000 },
      is: 'ready',
    },
    {
      name: 'ended before the jobs waited',
      launch: { reason: 'idle', readyAt: undefined, readyMs: undefined, ageMs: 200_000, stalledMs: 119_000 },
      is: 'ready',
    },
    { name: 'crashed once ready', launch: { reason: 'agent-crashed' }, is: 'failed' },
    { name: 'reached its maximum age', launch: { reason: 'max-age' }, is: 'failed' },
    { name: 'still runs', launch: { present: true, endedMs: undefined }, is: 'pending' },
    {
      name: 'has ended, and the group still has it',
      launch: { reason: 'idle', present: true },
      is: 'failed',
    },
    {
      name: 'began before the jobs waited, within the delay of a run',
      launch: { reason: 'idle', stalledMs: 180_000 },
      is: 'failed',
    },
    {
      name: 'began before the jobs waited',
      launch: { reason: 'idle', stalledMs: 179_000 },
      is: 'ready',
    },
    { name: 'has started a job', launch: { reason: 'idle', jobStarted: true }, is: 'ready' },
    { name: 'met an outage of AWS', launch: { reason: 'cannot-receive', refusal: 'passing' }, is: 'pending' },
    { name: 'was interrupted by Spot', launch: { reason: 'spot-interruption' }, is: 'pending' },
    { name: 'had a rebalance recommendation', launch: { reason: 'rebalance' }, is: 'pending' },
    { name: 'was stopped by an operator', launch: { reason: 'stopped' }, is: 'pending' },
    { name: 'was ended by Auto Scaling', launch: { reason: 'auto-scaling' }, is: 'pending' },
    { name: 'was drained by an operator', launch: { reason: 'drained' }, is: 'pending' },
    { name: 'was beyond the desired capacity', launch: { reason: 'surplus' }, is: 'pending' },
    { name: 'ended with its group', launch: { reason: 'group-deleted' }, is: 'pending' },
    { name: 'ended for an unknown reason', launch: { reason: 'lost' }, is: 'pending' },
    { name: 'ended, and is not settled yet', launch: { endedMs: undefined }, is: 'pending' },
    { name: 'never reported', launch: { readyAt: undefined, hasReported: false }, is: 'failed' },
  ])('that $name: $is', ({ launch, is }) => {
    expect(judgeLaunch({ ageMs: 300_000, ...stalled, ...launch })).toBe(is);
  });
});

describe('jobs wait although no instance starts one', () => {
  const waiting = { backlog: 2, paused: false, beforeMs: 1000, lastStartMs: undefined, nowMs: 9000 };
  test.each<[string, Partial<Parameters<typeof stalledSince>[0]>, number | undefined]>([
    ['as before', {}, 1000],
    ['from now on', { beforeMs: undefined }, 9000],
    [
      'from now on, however long ago the last one was started',
      { beforeMs: undefined, lastStartMs: 500 },
      9000,
    ],
    ['since the last one was started', { lastStartMs: 5000 }, 5000],
    ['not: none waits', { backlog: 0 }, undefined],
    ['not: the fleet is paused', { paused: true }, undefined],
    ['since the last one was started, by a clock that is ahead', { lastStartMs: 9999 }, 9000],
  ])('%s', (_, facts, expected) => {
    expect(stalledSince({ ...waiting, ...facts })).toBe(expected);
  });
});
