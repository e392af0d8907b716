import { describe, expect, test } from 'vitest';
import { failuresInARow, type Launch, outcomeOf, trips } from '../../policy/breaker.ts';

type Fate = Parameters<typeof outcomeOf>[0];

/** One letter a launch, the oldest first: ready, failed, pending. */
function launches(story: string): Launch[] {
  const outcomes = { r: 'ready', f: 'failed', p: 'pending' } as const;
  return [...story].map((letter, index) => ({
    instance: `i-${index}`,
    startedAtMs: index + 1,
    outcome: outcomes[letter as keyof typeof outcomes],
  }));
}

describe('failures in a row', () => {
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
    expect(failuresInARow(facts)).toBe(failures);
    expect(trips(facts)).toBe(failures >= 3);
    expect(failuresInARow({ ...facts, launches: facts.launches.toReversed() })).toBe(failures);
  });
});

test.each<{ name: string; launch: Partial<Fate> & { present: boolean }; is: Launch['outcome'] }>([
  { name: 'was ready, is gone', launch: { readyAt: 'x', present: false }, is: 'ready' },
  {
    name: 'was ready, crashed',
    launch: { readyAt: 'x', reason: 'agent-crashed', present: true },
    is: 'ready',
  },
  { name: 'reports, but AWS has yet to answer it', launch: { heard: true, present: true }, is: 'pending' },
  {
    name: 'reported, and went idle before the table heard that it was ready',
    launch: { heard: true, reason: 'idle', present: false },
    is: 'ready',
  },
  {
    name: 'was denied the queue, and never was ready',
    launch: { heard: true, reason: 'cannot-receive', refusal: 'lasting', present: true },
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
    launch: { heard: true, reason: 'cannot-receive', refusal: 'passing', present: false },
    is: 'pending',
  },
  {
    name: 'was ready when an outage of AWS began',
    launch: { readyAt: 'x', reason: 'cannot-use-table', refusal: 'passing', present: false },
    is: 'pending',
  },
  {
    name: 'was denied the role of its workers',
    launch: { heard: true, reason: 'cannot-assume-worker-role', refusal: 'lasting', present: false },
    is: 'failed',
  },
  { name: 'boots', launch: { present: true }, is: 'pending' },
  { name: 'went without a word', launch: { present: false }, is: 'failed' },
  {
    name: 'cannot start the worker',
    launch: { heard: true, reason: 'worker-missing', present: true },
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
    name: 'is so young that the group was read before it',
    launch: { present: false, ageMs: 5000 },
    is: 'pending',
  },
  { name: 'was taken by Spot', launch: { reason: 'spot-interruption', present: false }, is: 'pending' },
])('a launch that $name: $is', ({ launch, is }) => {
  expect(outcomeOf({ heard: false, ageMs: 300_000, ...launch })).toBe(is);
});
