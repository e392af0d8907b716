import { expect, test } from 'vitest';
import { CACHE_MS, SecretCache } from '../../../agent/secrets/secret-cache.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A secret that the test answers. */
function open() {
  const clock = new ManualClock();
  const calls: PromiseWithResolvers<string>[] = [];
  const read = () => {
    const call = Promise.withResolvers<string>();
    calls.push(call);
    return call.promise;
  };
  const answer = (text: string) => calls.at(-1)?.resolve(text);
  const fail = () => calls.at(-1)?.reject(new Error('no'));
  return { clock, calls, answer, fail, cache: new SecretCache(read, clock) };
}

test('all who ask while it is read get the result of one call', async () => {
  const { cache, calls, answer } = open();
  const asked = [cache.get(), cache.get(), cache.get()];
  answer('a');
  expect(await Promise.all(asked)).toEqual(['a', 'a', 'a']);
  expect(calls).toHaveLength(1);
});

test('it is read again a minute after the last call has begun', async () => {
  const { cache, clock, calls, answer } = open();
  const first = cache.get();
  await clock.advance(20_000);
  answer('a');
  await first;
  await clock.advance(CACHE_MS - 20_001);
  expect(await cache.get()).toBe('a');
  await clock.advance(1);
  const second = cache.get();
  expect(calls).toHaveLength(2);
  answer('b');
  expect(await second).toBe('b');
});

test('when it cannot be read again, what was read before is not used', async () => {
  const { cache, clock, calls, answer, fail } = open();
  const first = cache.get();
  answer('a');
  await first;
  await clock.advance(CACHE_MS);
  const second = [cache.get(), cache.get()];
  fail();
  for (const asked of second) await expect(asked).rejects.toThrow('no');
  const third = cache.get();
  expect(calls).toHaveLength(3);
  answer('b');
  expect(await third).toBe('b');
});

test('after a drop it is read again', async () => {
  const { cache, calls, answer } = open();
  const first = cache.get();
  answer('a');
  await first;
  cache.drop();
  const second = cache.get();
  answer('b');
  expect(await second).toBe('b');
  expect(calls).toHaveLength(2);
});
