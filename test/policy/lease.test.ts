import fc from 'fast-check';
import { expect, test } from 'vitest';
import { extensionSeconds, leaseTimes, longestRunMs } from '../../policy/lease.ts';

const HOUR_MS = 3_600_000;

test('a lease of a minute is renewed every 20 s, and its worker has its whole grace period before it ends', () => {
  expect(leaseTimes(5000, 60_000, 10_000)).toEqual({
    renewAtMs: 25_000,
    stopAtMs: 54_000,
    killAtMs: 64_000,
    endsAtMs: 65_000,
  });
});

test('a short lease shortens the grace period, so that there is time to renew before the worker is stopped', () => {
  const { renewAtMs, stopAtMs, killAtMs, endsAtMs } = leaseTimes(0, 3000, 10_000);
  expect([renewAtMs, stopAtMs, killAtMs, endsAtMs]).toEqual([1000, 1700, 2700, 3000]);
});

test('any lease: renewed first, then stopped, then killed, all before it ends', () => {
  const ms = fc.integer({ min: 1, max: 12 * HOUR_MS });
  fc.assert(
    fc.property(ms, ms, fc.nat(HOUR_MS), (startMs, leaseMs, graceMs) => {
      const times = leaseTimes(startMs, leaseMs, graceMs);
      expect(times.renewAtMs).toBeGreaterThan(startMs);
      expect(times.stopAtMs).toBeGreaterThan(times.renewAtMs);
      expect(times.killAtMs).toBeGreaterThanOrEqual(times.stopAtMs);
      expect(times.endsAtMs).toBeGreaterThan(times.killAtMs);
    }),
  );
});

test.each([
  ['at first', 0, 60],
  ['shortly before the twelfth hour is over', 12 * HOUR_MS - 30_500, 30],
  ['at its end', 12 * HOUR_MS, 0],
  ['after it', 13 * HOUR_MS, 0],
])('%s SQS allows an extension of the rest of 12 hours', (_, heldMs, seconds) => {
  expect(extensionSeconds(60, heldMs)).toBe(seconds);
});

test('a job that waited on the instance does not run longer than SQS allows', () => {
  expect(longestRunMs(HOUR_MS, 10_000, 5000)).toBe(HOUR_MS);
  expect(longestRunMs(12 * HOUR_MS - 10_000, 10_000, 5000)).toBe(12 * HOUR_MS - 17_000);
  expect(longestRunMs(HOUR_MS, 10_000, 12 * HOUR_MS)).toBe(0);
});
