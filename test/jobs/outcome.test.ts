import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_RETRY_BACKOFF } from '../../agent/config/agent-config.ts';
import {
  classifyEnding,
  decideOutcome,
  type Ending,
  findNotNowSince,
  type RetryRules,
  type TryCounts,
} from '../../jobs/outcome.ts';

const RULES: RetryRules = {
  maxAttempts: 3,
  retryTimedOut: false,
  maxJobAgeSeconds: 1000,
  notNowLimitSeconds: 300,
  backoff: { initialMs: 10_000, maxMs: 100_000 },
};
const FIRST: TryCounts = { attempts: 1, receiveCount: 1, ageSeconds: 10, slotsLost: 0, unhealthy: 0 };
const LAST: TryCounts = { attempts: 3, receiveCount: 3, ageSeconds: 10, slotsLost: 0, unhealthy: 0 };
const OLD: TryCounts = { attempts: 1, receiveCount: 1, ageSeconds: 1001, slotsLost: 0, unhealthy: 0 };
const half = () => 0.5;

const exited = (status: number): Ending => ({ kind: 'exited', status });
const died: Ending = { kind: 'signalled', signal: 'SIGSEGV' };
const late: Ending = { kind: 'timed-out', limitSeconds: 60 };
const sickTarget: Ending = { kind: 'check-timed-out', checkSeconds: 90, last: 'exit status 7' };
const noStart: Ending = { kind: 'not-started', reason: 'EAGAIN' };
const sick: Ending = { kind: 'unhealthy', end: exited(1), problem: 'no GPU' };
const deadLetter = { to: 'dead-letter' };
const requeue = (delaySeconds: number) => ({ to: 'requeue', delaySeconds });

// The documentation's table "What comes of it": state, whether the try counts, what is done with the message, and why.
test.each<[string, Ending, TryCounts, unknown[]]>([
  ['exit 0', exited(0), FIRST, ['succeeded', true, { to: 'delete' }, undefined]],
  ['exit 0 on the last attempt', exited(0), LAST, ['succeeded', true, { to: 'delete' }, undefined]],
  ['EX_DATAERR', exited(65), FIRST, ['failed', true, deadLetter, /EX_DATAERR/]],
  ['EX_TEMPFAIL', exited(75), FIRST, ['queued', false, requeue(5), /EX_TEMPFAIL/]],
  ['EX_TEMPFAIL, no attempt left', exited(75), LAST, ['queued', false, requeue(20), /EX_TEMPFAIL/]],
  [
    'EX_TEMPFAIL, too old',
    exited(75),
    OLD,
    ['failed', false, deadLetter, /1001 s old, more than the 1000 s/],
  ],
  [
    'EX_TEMPFAIL of a job of a group',
    exited(75),
    { ...FIRST, notNowSeconds: 0 },
    ['queued', false, requeue(5), /EX_TEMPFAIL/],
  ],
  [
    'EX_TEMPFAIL of a job of a group, too old: another bound holds',
    exited(75),
    { ...OLD, notNowSeconds: 200 },
    ['queued', false, requeue(5), /EX_TEMPFAIL/],
  ],
  [
    'EX_TEMPFAIL of a job of a group, shortly before its limit: tried once more at the limit',
    exited(75),
    { ...FIRST, receiveCount: 9, notNowSeconds: 297.5 },
    ['queued', false, requeue(3), /EX_TEMPFAIL/],
  ],
  [
    'EX_TEMPFAIL of a job of a group, for too long',
    exited(75),
    { ...FIRST, notNowSeconds: 300 },
    [
      'failed',
      false,
      deadLetter,
      /^exit status 75 \(EX_TEMPFAIL\) for 300 s, and a job of a group may for 300 s \(groups\.notNowLimit\)$/,
    ],
  ],
  [
    'a health check whose time is over',
    sickTarget,
    FIRST,
    [
      'timed_out',
      true,
      deadLetter,
      /^the health check did not succeed within 90 s; its last run: exit status 7$/,
    ],
  ],
  ['exit 1', exited(1), FIRST, ['queued', true, requeue(5), /exit status 1, attempt 1 of 3/]],
  [
    'exit 1 on the last attempt',
    exited(1),
    LAST,
    ['failed', true, deadLetter, /exit status 1, attempt 3 of 3/],
  ],
  ['exit 1, old: age bounds free tries alone', exited(1), OLD, ['queued', true, requeue(5), /exit status 1/]],
  ['a signal', died, FIRST, ['queued', true, requeue(5), /died of SIGSEGV, attempt 1 of 3/]],
  ['a signal on the last attempt', died, LAST, ['failed', true, deadLetter, /SIGSEGV/]],
  ['the limit', late, FIRST, ['timed_out', true, deadLetter, /limit of 60 s/]],
  ['stopped to go', { kind: 'interrupted' }, LAST, ['queued', false, requeue(0), /had to go/]],
  [
    'lost with its slot',
    { kind: 'slot-lost', reason: 'the slot was lost' },
    FIRST,
    ['queued', false, requeue(5), /^the slot was lost$/],
  ],
  [
    'lost with its slot once more',
    { kind: 'slot-lost', reason: 'the slot was lost' },
    { ...FIRST, receiveCount: 2, slotsLost: 1 },
    ['queued', true, requeue(5), /^the slot was lost, not for the first time, attempt 1 of 3$/],
  ],
  [
    'lost with its slot once more, at last',
    { kind: 'slot-lost', reason: 'the slot was lost' },
    { ...LAST, slotsLost: 2 },
    ['failed', true, deadLetter, /not for the first time, attempt 3 of 3$/],
  ],
  [
    'on two instances that were unhealthy',
    sick,
    { ...LAST, unhealthy: 1 },
    ['queued', false, requeue(10), /^exit status 1, which does not count: no GPU$/],
  ],
  [
    'on a third one that was',
    sick,
    { ...FIRST, receiveCount: 3, unhealthy: 2 },
    ['queued', true, requeue(5), /^exit status 1, on one more unhealthy instance: no GPU, attempt 1 of 3$/],
  ],
  ['on one more, at last', sick, { ...LAST, unhealthy: 4 }, ['failed', true, deadLetter, /attempt 3 of 3$/]],
  [
    'out of memory',
    { kind: 'signalled', signal: 'SIGKILL', reason: 'the worker ran out of memory (limit 512 MiB)' },
    LAST,
    ['failed', true, deadLetter, /ran out of memory \(limit 512 MiB\), attempt 3 of 3/],
  ],
  ['stopped to go, too old', { kind: 'interrupted' }, OLD, ['failed', false, deadLetter, /had to go.*old/]],
  ['the lease lost', { kind: 'lease-lost' }, LAST, [undefined, true, { to: 'leave' }, /lease/]],
  ['cancelled', { kind: 'cancelled' }, LAST, ['cancelled', true, { to: 'delete' }, /^cancelled by request$/]],
  ['not started', noStart, LAST, ['queued', false, requeue(10), /could not be started: EAGAIN/]],
  [
    'a broken envelope',
    { kind: 'refused', reason: 'bad id' },
    FIRST,
    ['failed', false, deadLetter, /^bad id$/],
  ],
  ['lost too often', { kind: 'used-up' }, LAST, ['lost', false, deadLetter, /lost on attempt 3 of 3/]],
])('%s', (_, ending, tries, [state, costsAttempt, action, reason]) => {
  const outcome = decideOutcome(ending, tries, RULES, half);
  expect(outcome).toMatchObject({ state, costsAttempt, action });
  if (reason instanceof RegExp) expect(outcome.reason).toMatch(reason);
  else expect(outcome.reason).toBeUndefined();
});

test('a job whose slot was lost waits until its worker must have ended, whatever the backoff', () => {
  const lost: Ending = { kind: 'slot-lost', reason: 'the slot was lost' };
  expect(decideOutcome(lost, FIRST, RULES, () => 0).action).toEqual(requeue(5));
  expect(decideOutcome(lost, LAST, RULES, () => 0.999).action).toEqual(requeue(20));
  expect(decideOutcome(lost, { ...FIRST, slotsLost: 1 }, RULES, () => 0).action).toEqual(requeue(5));
});

test('by default three tries outlast two minutes in nine of ten cases, and take six minutes on average', () => {
  const { firstSeconds, factor, longestSeconds } = DEFAULT_RETRY_BACKOFF;
  const backoff = { initialMs: firstSeconds * 1000, factor, maxMs: longestSeconds * 1000 };
  const rules = { ...RULES, backoff };
  const evenly = Array.from({ length: 200 }, (_, index) => (index + 0.5) / 200);
  const waitAfter = (attempts: number, random: number) => {
    const { action } = decideOutcome(exited(1), { ...FIRST, attempts }, rules, () => random);
    return action.to === 'requeue' ? action.delaySeconds : Number.NaN;
  };
  const [first = [], second = []] = [1, 2].map((attempts) =>
    evenly.map((random) => waitAfter(attempts, random)),
  );
  const all = first.flatMap((one) => second.map((other) => one + other));
  expect(all.filter((seconds) => seconds >= 120).length / all.length).toBeCloseTo(0.9, 2);
  expect(Math.round(all.reduce((sum, seconds) => sum + seconds) / all.length / 60)).toBe(6);
});

test('a fleet can retry jobs that ran past their limit', () => {
  const rules = { ...RULES, retryTimedOut: true };
  expect(decideOutcome(late, FIRST, rules, half)).toMatchObject({ state: 'queued', action: requeue(5) });
  expect(decideOutcome(late, LAST, rules, half)).toMatchObject({ state: 'timed_out', action: deadLetter });
});

test('a health check whose time is over is not tried again, and says nothing about its instance', () => {
  const rules = { ...RULES, retryTimedOut: true };
  expect(decideOutcome(sickTarget, FIRST, rules, half)).toMatchObject({
    state: 'timed_out',
    action: deadLetter,
  });
  expect(classifyEnding(sickTarget)).toBe('neither');
});

test.each<[string, Ending, number | undefined, number | undefined]>([
  ['begins with the first exit 75', exited(75), undefined, 9000],
  ['is not extended by another exit 75', exited(75), 1000, 1000],
  ['ends with another exit status', exited(1), 1000, undefined],
  ['ends with a signal', died, 1000, undefined],
  ['ends with a limit', late, 1000, undefined],
  ['goes on over a try that was stopped', { kind: 'interrupted' }, 1000, 1000],
  ['goes on over a try that was not started', noStart, 1000, 1000],
  ['goes on over a lost slot', { kind: 'slot-lost', reason: 'gone' }, 1000, 1000],
  ['does not begin with another end', exited(1), undefined, undefined],
])('the time of "not now" %s', (_, ending, sinceMs, expected) => {
  expect(findNotNowSince(ending, sinceMs, 9000)).toBe(expected);
});

test('only messages of succeeded or cancelled jobs are deleted, and a job in a final state is never requeued', () => {
  const ending = fc.oneof(
    fc.nat(255).map(exited),
    fc.constantFrom<Ending>(
      died,
      late,
      noStart,
      { kind: 'cancelled' },
      { kind: 'interrupted' },
      { kind: 'slot-lost', reason: 'the slot was lost' },
      { kind: 'lease-lost' },
      sick,
      sickTarget,
    ),
  );
  const tries = fc.record({
    attempts: fc.integer({ min: 1, max: 10 }),
    receiveCount: fc.integer({ min: 1, max: 100 }),
    ageSeconds: fc.nat(5000),
    slotsLost: fc.nat(3),
    unhealthy: fc.nat(3),
    notNowSeconds: fc.nat(600),
  });
  fc.assert(
    fc.property(ending, tries, fc.boolean(), (how, after, retryTimedOut) => {
      const { state, action } = decideOutcome(how, after, { ...RULES, retryTimedOut }, Math.random);
      expect(action.to === 'delete').toBe(state === 'succeeded' || state === 'cancelled');
      expect(action.to === 'requeue').toBe(state === 'queued');
      expect(action.to === 'leave').toBe(state === undefined);
    }),
  );
});
