import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ForecastDecision, factsAfter, forecast } from '../../policy/forecast.ts';
import {
  decideRetirement,
  type GroupFacts,
  type RetirementFacts,
  type RetirementRules,
} from '../../policy/retirement.ts';

const seconds = (n: number) => n * 1000;
const DAY_MS = seconds(86_400);
const perSecond: RetirementRules = { billing: 'per-second', hourMarginMs: seconds(120) };
const perHour: RetirementRules = { billing: 'per-hour', hourMarginMs: seconds(120) };
const group: GroupFacts = { minSize: 0, maxSize: 10, desired: 3, surplus: false };
const busy: RetirementFacts = { ageMs: seconds(600), bootMs: seconds(90), group };
const idle: RetirementFacts = { ...busy, idleMs: seconds(30) };

const cases: { name: string; facts: RetirementFacts; rules?: RetirementRules; expected: ForecastDecision }[] =
  [
    { name: 'busy: works on', facts: busy, expected: { next: 'work' } },
    {
      name: 'busy, with a maximum age that is days away: works, and takes no more jobs from then on',
      facts: busy,
      rules: { ...perSecond, maxAgeMs: 7 * DAY_MS },
      expected: { next: 'work', inMs: 7 * DAY_MS - seconds(600), reason: 'max-age' },
    },
    {
      name: 'idle: retires when it has been idle for the time of a boot',
      facts: idle,
      expected: { next: 'retire', inMs: seconds(60), reason: 'idle' },
    },
    {
      name: 'idle, billed by the hour: retires near the end of the paid hour',
      facts: idle,
      rules: perHour,
      expected: { next: 'retire', inMs: seconds(3600 - 600 - 120), reason: 'paid-hour' },
    },
    {
      name: 'idle, its maximum age comes first: retires in any case',
      facts: idle,
      rules: { ...perSecond, maxAgeMs: seconds(610) },
      expected: { next: 'leave', inMs: seconds(10), reason: 'max-age' },
    },
    {
      name: 'a Spot interruption: retires now',
      facts: { ...busy, spotInterruption: true },
      expected: { next: 'leave', inMs: 0, reason: 'spot-interruption' },
    },
    {
      name: 'the group is at its minimum: stays',
      facts: { ...idle, group: { ...group, minSize: 3 } },
      expected: { next: 'stay' },
    },
    {
      name: 'refused at a minimum that it cannot see: asks again',
      facts: { ...idle, idleMs: seconds(600), group: undefined, refusedMs: seconds(100) },
      expected: { next: 'retire', inMs: seconds(200), reason: 'idle' },
    },
    {
      name: 'in its warm pool: stays',
      facts: { ...idle, targetState: 'Warmed:Running' },
      expected: { next: 'stay' },
    },
  ];

describe('forecast', () => {
  test.each(cases)('$name', ({ facts, rules = perSecond, expected }) => {
    expect(forecast(facts, rules)).toEqual(expected);
  });

  const ms = fc.integer({ min: 0, max: seconds(20_000) });
  const anyFacts: fc.Arbitrary<RetirementFacts> = fc.record(
    {
      ageMs: ms,
      idleMs: ms,
      bootMs: ms,
      refusedMs: ms,
      rebalanceRecommended: fc.boolean(),
      group: fc.record({
        minSize: fc.integer({ min: 0, max: 2 }),
        maxSize: fc.constant(3),
        desired: fc.integer({ min: 0, max: 3 }),
        surplus: fc.boolean(),
      }),
    },
    { requiredKeys: ['ageMs'] },
  );
  const anyRules: fc.Arbitrary<RetirementRules> = fc.record(
    {
      billing: fc.constantFrom('per-second', 'per-hour'),
      hourMarginMs: fc.constant(seconds(120)),
      idleMs: ms,
      maxAgeMs: ms,
    },
    { requiredKeys: ['billing', 'hourMarginMs'] },
  );

  test('the forecast is what is decided at that time, and nothing else is decided before', () => {
    fc.assert(
      fc.property(anyFacts, anyRules, fc.double({ min: 0, max: 1, noNaN: true }), (facts, rules, share) => {
        const { next, inMs, reason } = forecast(facts, rules);
        if (inMs === undefined) {
          expect(decideRetirement(factsAfter(facts, share * 2 * seconds(3600)), rules).kind).toBe('stay');
          return;
        }
        const then = decideRetirement(factsAfter(facts, inMs), rules);
        expect(then).toMatchObject({ reason, kind: next === 'work' ? 'leave' : next });
        const before = Math.floor(share * (inMs - 1));
        if (inMs > 0) expect(decideRetirement(factsAfter(facts, before), rules).kind).toBe('stay');
      }),
      { numRuns: 500 },
    );
  });
});
