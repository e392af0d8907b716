import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CALL_MS } from '../../agent/lifecycle/escalation-run.ts';
import { RETRY_DELAYS } from '../../agent/work/receive.ts';
import { POLL_TIMEOUT_MS } from '../../aws/clients.ts';
import { MAX_DELAY_MS } from '../../policy/escalation.ts';
import { judgeLiveness, type LivenessFacts, MAX_SILENCE_MS } from '../../policy/watchdog.ts';

const HOUR_MS = 3_600_000;
const NOT_DUE = Number.NEGATIVE_INFINITY;
const idle: LivenessFacts = { sinceTryMs: 1000, jobs: 0, receiving: true, overdueMs: NOT_DUE };
const busy: LivenessFacts = { sinceTryMs: 5 * HOUR_MS, jobs: 8, receiving: false, overdueMs: -4 * HOUR_MS };

describe('the watchdog ping', () => {
  test.each<[string, LivenessFacts]>([
    ['a long poll under way', { ...idle, sinceTryMs: 20_000 }],
    ['a try just short of too long ago', { ...idle, sinceTryMs: MAX_SILENCE_MS }],
    ['all slots busy for hours, under a lease that is renewed each four', busy],
    ['a drain: nothing is received, jobs run', { ...busy, jobs: 1 }],
    ['a lease that waits for its renewal a little', { ...busy, overdueMs: 30_000 }],
    ['a rung tried lately, while nothing runs', { ...idle, receiving: false, sinceTryMs: 75_000 }],
  ])('is sent: %s', (_, signs) => {
    expect(judgeLiveness(signs)).toEqual({ alive: true });
  });

  test.each<[string, LivenessFacts, string]>([
    ['receives that do not follow each other', { ...idle, sinceTryMs: 120_001 }, 'nothing-tried'],
    ['a free slot beside busy ones, and no receive', { ...busy, receiving: true }, 'nothing-tried'],
    ['a retirement that stands still', { ...idle, receiving: false, sinceTryMs: HOUR_MS }, 'nothing-tried'],
    ['leases that nobody renews', { ...busy, overdueMs: 120_001 }, 'leases-neglected'],
    ['leases that nobody renews, while it receives', { ...idle, overdueMs: HOUR_MS }, 'leases-neglected'],
  ])('is withheld: %s', (_, signs, why) => {
    expect(judgeLiveness(signs)).toEqual({ alive: false, why });
  });

  test('an agent that tries and renews its leases in time is alive; one that does neither is not', () => {
    const ms = fc.integer({ min: 0, max: 48 * HOUR_MS });
    fc.assert(
      fc.property(ms, ms, fc.nat(100), fc.boolean(), (sinceTryMs, overdueMs, jobs, receiving) => {
        const { alive } = judgeLiveness({ sinceTryMs, overdueMs, jobs, receiving });
        if (Math.max(sinceTryMs, overdueMs) <= MAX_SILENCE_MS) expect(alive).toBe(true);
        if (Math.min(sinceTryMs, overdueMs) > MAX_SILENCE_MS) expect(alive).toBe(false);
      }),
    );
  });

  test.each([
    ['two receives, while the queue does not answer', POLL_TIMEOUT_MS + RETRY_DELAYS.maxMs, 55_000],
    ['two calls of the ladder, while AWS does not answer', CALL_MS + MAX_DELAY_MS, 75_000],
  ])(
    'may be as far apart as %s: that leaves a third of the time for a busy machine',
    (_, pauseMs, knownMs) => {
      expect(pauseMs).toBe(knownMs);
      expect(pauseMs).toBeLessThan((MAX_SILENCE_MS * 2) / 3);
    },
  );
});
