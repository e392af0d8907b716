import { expect, test } from 'vitest';
import { resolvesWithin, withTimeout } from '../../lib/with-timeout.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('a call that ends in time gives its result', async () => {
  expect(await withTimeout(new ManualClock(), 1000, async () => 'done')).toBe('done');
});

test('a call that takes longer is aborted', async () => {
  const clock = new ManualClock();
  const call = withTimeout(clock, 1000, (signal) => {
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  const rejected = expect(call).rejects.toThrow('no answer within 1000 ms');
  await clock.advance(1000);
  await rejected;
});

test('a promise that resolves in time is told from one that does not', async () => {
  const clock = new ManualClock();
  expect(await resolvesWithin(clock, 1000, Promise.resolve())).toBe(true);
  const late = resolvesWithin(clock, 1000, new Promise(() => undefined));
  await clock.advance(1000);
  expect(await late).toBe(false);
});

test('a promise that rejects in time rejects the wait', async () => {
  const failed = Promise.reject(new Error('reset'));
  await expect(resolvesWithin(new ManualClock(), 1000, failed)).rejects.toThrow('reset');
});
