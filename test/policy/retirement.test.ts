import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOUR_MS } from '../../policy/billing.ts';
import {
  DEFAULT_BOOT_MS,
  decideRetirement,
  type GroupFacts,
  idleLimitMs,
  MAX_IDLE_MS,
  MINIMUM_RETRY_MS,
  type RetirementFacts,
  type RetirementRules,
} from '../../policy/retirement.ts';

const seconds = (n: number) => n * 1000;
const perSecond: RetirementRules = { billing: 'per-second', hourMarginMs: seconds(120) };
const perHour: RetirementRules = { billing: 'per-hour', hourMarginMs: seconds(120) };
const group: GroupFacts = { minSize: 0, maxSize: 10, desired: 3, surplus: false };
const busy: RetirementFacts = { ageMs: seconds(600), bootMs: seconds(90), group };
const idle = (idleSeconds: number): RetirementFacts => ({ ...busy, idleMs: seconds(idleSeconds) });

const cases: {
  name: string;
  facts: RetirementFacts;
  rules?: RetirementRules;
  expected: ReturnType<typeof decideRetirement>;
}[] = [
  { name: 'busy: only a change matters', facts: busy, expected: { kind: 'stay' } },
  {
    name: 'idle for less than the time of a boot: until it is as long',
    facts: idle(30),
    expected: { kind: 'stay', againInMs: seconds(60) },
  },
  { name: 'idle for the time of a boot', facts: idle(90), expected: { kind: 'retire', reason: 'idle' } },
  {
    name: 'idle, boot time unknown',
    facts: { ...idle(0), bootMs: undefined },
    expected: { kind: 'stay', againInMs: DEFAULT_BOOT_MS },
  },
  {
    name: 'an idle time that the owner set is used unchanged',
    facts: { ...idle(2), ageMs: seconds(5) },
    rules: { ...perSecond, idleMs: seconds(2) },
    expected: { kind: 'retire', reason: 'idle' },
  },
  {
    name: 'the first minute is paid for: stays until its end',
    facts: { ageMs: seconds(50), bootMs: seconds(5), idleMs: seconds(45), group },
    expected: { kind: 'stay', againInMs: seconds(10) },
  },
  {
    name: 'hourly, idle early in the hour: until the margin before its end',
    facts: idle(500),
    rules: perHour,
    expected: { kind: 'stay', againInMs: HOUR_MS - seconds(720) },
  },
  {
    name: 'hourly, idle near the end of the paid hour',
    facts: { ...idle(1), ageMs: 2 * HOUR_MS - seconds(119) },
    rules: perHour,
    expected: { kind: 'retire', reason: 'paid-hour' },
  },
  {
    name: 'hourly, busy near the end of the paid hour',
    facts: { ...busy, ageMs: HOUR_MS - seconds(10) },
    rules: perHour,
    expected: { kind: 'stay' },
  },
  {
    name: 'busy and past the maximum age: takes no new job',
    facts: busy,
    rules: { ...perSecond, maxAgeMs: seconds(600) },
    expected: { kind: 'leave', reason: 'max-age' },
  },
  {
    name: 'an operator drains it: takes no new job, even at the group’s minimum',
    facts: { ...busy, drainRequested: true, group: { ...group, desired: 1, minSize: 1 } },
    expected: { kind: 'leave', reason: 'drained' },
  },
  {
    name: 'drained, and interrupted by Spot: the deadline of AWS counts',
    facts: { ...busy, drainRequested: true, spotInterruption: true },
    expected: { kind: 'leave', reason: 'spot-interruption' },
  },
  {
    name: 'busy before the maximum age: decides again when it is reached',
    facts: busy,
    rules: { ...perSecond, maxAgeMs: seconds(700) },
    expected: { kind: 'stay', againInMs: seconds(100) },
  },
  {
    name: 'worker missing takes precedence over everything else',
    facts: { ...idle(1000), broken: 'worker-missing', spotInterruption: true },
    expected: { kind: 'leave', reason: 'worker-missing' },
  },
  {
    name: 'the disk is full while a job runs: it takes no new one',
    facts: { ...busy, broken: 'disk-full' },
    expected: { kind: 'leave', reason: 'disk-full' },
  },
  {
    name: 'unhealthy with running jobs, and interrupted by Spot: they have the time that Spot gives',
    facts: { ...busy, broken: 'unhealthy', spotInterruption: true },
    expected: { kind: 'leave', reason: 'spot-interruption' },
  },
  {
    name: 'Spot interruption while busy',
    facts: { ...busy, spotInterruption: true, targetState: 'Terminated' },
    expected: { kind: 'leave', reason: 'spot-interruption' },
  },
  {
    name: 'Auto Scaling ends the instance',
    facts: { ...busy, targetState: 'Terminated' },
    expected: { kind: 'leave', reason: 'auto-scaling' },
  },
  {
    name: 'Auto Scaling ends an instance of the warm pool',
    facts: { ...idle(0), targetState: 'Warmed:Terminated' },
    expected: { kind: 'leave', reason: 'auto-scaling' },
  },
  {
    name: 'in the warm pool, even if old, idle or broken: AWS would refuse to terminate it',
    facts: { ...idle(5000), broken: 'worker-missing', targetState: 'Warmed:Running' },
    rules: { ...perSecond, maxAgeMs: seconds(60) },
    expected: { kind: 'stay' },
  },
  {
    name: 'a shorter hour, near its end',
    facts: { ...idle(1), ageMs: seconds(119) },
    rules: { ...perHour, paidPeriodMs: seconds(60), hourMarginMs: seconds(2) },
    expected: { kind: 'retire', reason: 'paid-hour' },
  },
  {
    name: 'a shorter hour, before its end',
    facts: { ...idle(100), ageMs: seconds(130) },
    rules: { ...perHour, paidPeriodMs: seconds(60), hourMarginMs: seconds(2) },
    expected: { kind: 'stay', againInMs: seconds(48) },
  },
  {
    name: 'target state InService',
    facts: { ...busy, targetState: 'InService' },
    expected: { kind: 'stay' },
  },
  {
    name: 'the group is being deleted, busy',
    facts: { ...busy, group: { ...group, maxSize: 0, desired: 0 } },
    expected: { kind: 'leave', reason: 'group-deleted' },
  },
  {
    name: 'more run than desired: an idle one retires at once',
    facts: { ...idle(0), group: { ...group, surplus: true } },
    expected: { kind: 'retire', reason: 'surplus' },
  },
  {
    name: 'more run than desired: a busy one goes on',
    facts: { ...busy, group: { ...group, surplus: true } },
    expected: { kind: 'stay' },
  },
  {
    name: 'rebalance recommendation: an idle one does not wait',
    facts: { ...idle(0), rebalanceRecommended: true },
    expected: { kind: 'retire', reason: 'rebalance' },
  },
  {
    name: 'rebalance recommendation: a busy one goes on',
    facts: { ...busy, rebalanceRecommended: true },
    expected: { kind: 'stay' },
  },
  {
    name: 'the group is at its minimum: does not retire',
    facts: { ...idle(1000), group: { ...group, minSize: 3 } },
    expected: { kind: 'stay' },
  },
  {
    name: 'the group is at its minimum, without this instance: retires',
    facts: { ...idle(1000), group: { ...group, minSize: 3, detached: true } },
    expected: { kind: 'retire', reason: 'idle' },
  },
  {
    name: 'the group refused recently and cannot be seen: asks again later',
    facts: { ...idle(1000), group: undefined, refusedMs: seconds(60) },
    expected: { kind: 'stay', againInMs: MINIMUM_RETRY_MS - seconds(60) },
  },
  {
    name: 'the group refused long ago and cannot be seen: asks again',
    facts: { ...idle(1000), group: undefined, refusedMs: MINIMUM_RETRY_MS },
    expected: { kind: 'retire', reason: 'idle' },
  },
];

describe('decide', () => {
  test.each(cases)('$name', ({ facts, rules, expected }) => {
    expect(decideRetirement(facts, rules ?? perSecond)).toEqual(expected);
  });

  const anyFacts: fc.Arbitrary<RetirementFacts> = fc.record({
    ageMs: fc.integer({ min: 0, max: 50 * HOUR_MS }),
    idleMs: fc.option(fc.integer({ min: 0, max: 5 * HOUR_MS }), { nil: undefined }),
    bootMs: fc.option(fc.integer({ min: 0, max: HOUR_MS }), { nil: undefined }),
    rebalanceRecommended: fc.boolean(),
    group: fc.option(fc.constant(group), { nil: undefined }),
  });
  const anyRules: fc.Arbitrary<RetirementRules> = fc.record({
    billing: fc.constantFrom('per-second' as const, 'per-hour' as const),
    idleMs: fc.option(fc.integer({ min: 0, max: 86_400_000 }), { nil: undefined }),
    hourMarginMs: fc.integer({ min: 10_000, max: 1_800_000 }),
    maxAgeMs: fc.option(fc.integer({ min: 60_000, max: 60 * HOUR_MS }), { nil: undefined }),
  });

  test('deciding again after the given time, an idle instance always retires', () => {
    fc.assert(
      fc.property(anyFacts, anyRules, (start, rules) => {
        let waitedMs = 0;
        for (let looks = 0; looks < 200; looks++) {
          const facts = { ...start, ageMs: start.ageMs + waitedMs, idleMs: (start.idleMs ?? 0) + waitedMs };
          const decision = decideRetirement(facts, rules);
          if (decision.kind !== 'stay') return;
          expect(decision.againInMs).toBeGreaterThan(0);
          waitedMs += decision.againInMs ?? Number.POSITIVE_INFINITY;
        }
        expect.unreachable('still staying after 200 looks');
      }),
    );
  });

  test('a busy instance retires only by age, never as idle', () => {
    fc.assert(
      fc.property(anyFacts, anyRules, (facts, rules) => {
        const decision = decideRetirement({ ...facts, idleMs: undefined }, rules);
        if (decision.kind !== 'stay') expect(decision).toEqual({ kind: 'leave', reason: 'max-age' });
      }),
    );
  });
});

test('the idle time is bounded', () => {
  expect(idleLimitMs(500)).toBe(30_000);
  expect(idleLimitMs(90_000)).toBe(90_000);
  expect(idleLimitMs(HOUR_MS)).toBe(MAX_IDLE_MS);
});
