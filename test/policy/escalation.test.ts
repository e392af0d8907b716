import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Answer,
  autoScalingRetryMs,
  classifyAnswer,
  decideNext,
  type Escalation,
  type EscalationCall,
  type EscalationStep,
  selectFirstStep,
} from '../../policy/escalation.ts';

const budgetMs = 600_000;
const must = { mayStay: false, budgetMs };
const healthy = { mayStay: true, budgetMs };
const at = (step: EscalationStep, failures = 0): Escalation => ({ step: step, failures });
const call = (step: EscalationStep): EscalationCall => ({ kind: 'call', escalation: at(step), afterMs: 0 });

describe('the next call', () => {
  test.each([
    { name: 'accepted', from: at('terminate'), answer: 'accepted', rules: healthy, is: { kind: 'done' } },
    {
      name: 'a healthy agent goes back to work',
      from: at('terminate'),
      answer: 'at-minimum',
      rules: healthy,
      is: { kind: 'stay' },
    },
    {
      name: 'one that must end calls without decrement',
      from: at('terminate', 3),
      answer: 'at-minimum',
      rules: must,
      is: call('terminate-without-decrement'),
    },
    {
      name: 'denied leads to the next step at once',
      from: at('terminate'),
      answer: 'refused',
      rules: healthy,
      is: call('unhealthy'),
    },
    {
      name: 'denied without decrement',
      from: at('terminate-without-decrement'),
      answer: 'refused',
      rules: must,
      is: call('unhealthy'),
    },
    {
      name: 'the minimum does not concern the second step',
      from: at('terminate-without-decrement'),
      answer: 'at-minimum',
      rules: must,
      is: call('unhealthy'),
    },
    {
      name: 'unhealthy denied',
      from: at('unhealthy'),
      answer: 'refused',
      rules: must,
      is: call('power-off'),
    },
    {
      name: 'the group does not have the instance',
      from: at('terminate'),
      answer: 'unknown-instance',
      rules: healthy,
      is: call('power-off'),
    },
  ] as const)('$name', ({ from, answer, rules, is }) => {
    expect(decideNext(from, answer, 1000, rules, 0.5)).toEqual(is);
  });

  test('later: the same step again, after a longer time each time', () => {
    expect(decideNext(at('terminate'), 'later', 0, healthy, 0)).toEqual({
      kind: 'call',
      escalation: at('terminate', 1),
      afterMs: 500,
    } satisfies EscalationCall);
    expect(decideNext(at('terminate', 3), 'later', 9000, healthy, 0.5)).toMatchObject({ afterMs: 6000 });
  });

  test('the budget: three quarters to terminate, the rest to set the health, the last step has no end', () => {
    expect(decideNext(at('terminate', 9), 'later', 449_000, healthy, 0.9)).toMatchObject({ afterMs: 1000 });
    expect(decideNext(at('terminate', 9), 'later', 450_000, healthy, 0)).toEqual(call('unhealthy'));
    expect(decideNext(at('unhealthy', 9), 'later', 599_999, must, 0)).toMatchObject({
      escalation: at('unhealthy', 10),
    } satisfies Partial<EscalationCall>);
    expect(decideNext(at('unhealthy', 9), 'later', 600_000, must, 0)).toEqual(call('power-off'));
    expect(decideNext(at('power-off', 999), 'later', 1e12, must, 0)).toMatchObject({
      escalation: at('power-off', 1000),
    } satisfies Partial<EscalationCall>);
  });

  const answers: Answer[] = ['at-minimum', 'refused', 'unknown-instance', 'later'];
  test('any answers: the steps only go forward, and an instance that must end reaches the last one', () => {
    const order: EscalationStep[] = ['terminate', 'terminate-without-decrement', 'unhealthy', 'power-off'];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...answers), { minLength: 200, maxLength: 200 }),
        fc.integer({ min: 1000, max: budgetMs }),
        (sequence, budget) => {
          let current: Escalation = at('terminate');
          let elapsedMs = 0;
          for (const answer of sequence) {
            const step = decideNext(current, answer, elapsedMs, { mayStay: false, budgetMs: budget }, 0.5);
            if (step.kind !== 'call') return expect.unreachable(`ended with ${step.kind}`);
            expect(order.indexOf(step.escalation.step)).toBeGreaterThanOrEqual(order.indexOf(current.step));
            expect(step.afterMs).toBeGreaterThanOrEqual(0);
            if (step.escalation.step !== 'power-off') expect(elapsedMs).toBeLessThan(budget);
            elapsedMs += step.afterMs;
            current = step.escalation;
          }
          expect(current.step).toBe('power-off');
        },
      ),
    );
  });
});

test('the backoff grows to a minute, and half of it is jitter', () => {
  expect([1, 2, 3, 4].map((n) => autoScalingRetryMs(n, 1))).toEqual([1000, 2000, 4000, 8000]);
  expect(autoScalingRetryMs(100, 1)).toBe(60_000);
  expect(autoScalingRetryMs(100, 0)).toBe(30_000);
});

test.each([
  { reason: 'idle', depth: 0, rung: 'terminate' },
  { reason: 'idle', depth: 5, rung: 'terminate' },
  { reason: 'worker-missing', depth: 5, rung: 'terminate' },
  { reason: 'surplus', depth: 0, rung: 'terminate-without-decrement' },
  { reason: 'group-deleted', depth: 9, rung: 'terminate-without-decrement' },
  { reason: 'spot-interruption', depth: 0, rung: 'terminate' },
  { reason: 'spot-interruption', depth: 2, rung: 'terminate-without-decrement' },
  { reason: 'max-age', depth: 2, rung: 'terminate-without-decrement' },
  { reason: 'disk-full', depth: 2, rung: 'terminate-without-decrement' },
  { reason: 'unhealthy', depth: 0, rung: 'terminate' },
  { reason: 'max-age', depth: undefined, rung: 'terminate' },
])('$reason with $depth messages begins with $rung', ({ reason, depth, rung }) => {
  expect(selectFirstStep(reason, depth)).toBe(rung);
});

test.each([
  {
    name: 'ValidationError',
    message:
      "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
    is: 'at-minimum',
  },
  {
    name: 'ValidationError',
    message: 'Instance Id not found - No managed instance found for instance ID i-0bba',
    is: 'unknown-instance',
  },
  { name: 'ValidationError', message: 'The instance i-0bba is in a warm pool', is: 'refused' },
  { name: 'AccessDenied', message: 'User is not authorized to perform', is: 'refused' },
  { name: 'AccessDeniedException', message: '', is: 'refused' },
  { name: 'Throttling', message: 'Rate exceeded', is: 'later' },
  { name: 'ScalingActivityInProgressFault', message: '', is: 'later' },
  { name: 'ResourceContentionFault', message: '', is: 'later' },
  { name: 'InternalFailure', message: '', is: 'later' },
  { name: 'TimeoutError', message: 'socket hang up', is: 'later' },
  { name: 'ExpiredToken', message: 'The security token included in the request is expired', is: 'later' },
])('$name "$message" means $is', ({ is, ...error }) => {
  expect(classifyAnswer(error)).toBe(is);
});
