import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { billedMs, HOUR_MS, paidUntilMs, resolveBilling } from '../../policy/billing.ts';

const minutes = (n: number) => n * 60_000;

describe('billing', () => {
  test.each([
    { billing: 'per-second', ageMs: 0, until: 60_000 },
    { billing: 'per-second', ageMs: 59_999, until: 60_000 },
    { billing: 'per-second', ageMs: 61_000, until: 61_000 },
    { billing: 'per-hour', ageMs: 0, until: HOUR_MS },
    { billing: 'per-hour', ageMs: minutes(59), until: HOUR_MS },
    { billing: 'per-hour', ageMs: HOUR_MS, until: 2 * HOUR_MS },
    { billing: 'per-hour', ageMs: minutes(150), until: 3 * HOUR_MS },
  ] as const)('$billing at an age of $ageMs ms is paid until $until', ({ billing, ageMs, until }) => {
    expect(paidUntilMs(ageMs, billing)).toBe(until);
  });

  test.each([
    { billing: 'per-second', ageMs: 10_000, billed: 60_000 },
    { billing: 'per-second', ageMs: 90_500, billed: 90_500 },
    { billing: 'per-hour', ageMs: 1, billed: HOUR_MS },
    { billing: 'per-hour', ageMs: HOUR_MS, billed: HOUR_MS },
    { billing: 'per-hour', ageMs: HOUR_MS + 1, billed: 2 * HOUR_MS },
  ] as const)('$billing bills a life of $ageMs ms as $billed', ({ billing, ageMs, billed }) => {
    expect(billedMs(ageMs, billing)).toBe(billed);
  });

  test('an hour of another length is paid for and billed as an hour', () => {
    expect(paidUntilMs(70_000, 'per-hour', 60_000)).toBe(120_000);
    expect(billedMs(70_000, 'per-hour', 60_000)).toBe(120_000);
  });

  test('auto means per second; the owner’s setting takes precedence', () => {
    expect(resolveBilling('auto')).toBe('per-second');
    expect(resolveBilling('per-hour')).toBe('per-hour');
  });

  test('the paid time covers the age, and an end at that time costs exactly that', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 * HOUR_MS }),
        fc.constantFrom('per-second' as const, 'per-hour' as const),
        (ageMs, billing) => {
          const until = paidUntilMs(ageMs, billing);
          expect(until).toBeGreaterThanOrEqual(ageMs);
          expect(billedMs(until, billing)).toBe(until);
        },
      ),
    );
  });
});
