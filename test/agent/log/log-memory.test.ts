import { expect, test } from 'vitest';
import { LogMemory } from '../../../agent/log/log-memory.ts';

const never = new Promise<never>(() => undefined);

test('a wait for memory ends when some is released, or after its time', async () => {
  const memory = new LogMemory(100, 10);
  expect(await memory.waitForRoom(never)).toBe(true);
  memory.reserve(120);
  expect(await memory.waitForRoom(Promise.resolve())).toBe(false);
  const waiting = [memory.waitForRoom(never), memory.waitForRoom(never)];
  memory.release(15);
  let woken = false;
  void waiting[0]?.then(() => {
    woken = true;
  });
  await Promise.resolve();
  expect(woken).toBe(false);
  memory.release(10);
  expect(await Promise.all(waiting)).toEqual([true, true]);
});

test('a buffer is reused if it is not in use any more and others are', () => {
  const memory = new LogMemory(100, 10);
  const [one, two, small] = [memory.allocate(10), memory.allocate(10), memory.allocate(5)];
  expect(memory.used).toBe(25);
  memory.free(one, true);
  memory.free(two, false);
  expect(memory.allocate(10)).toBe(one);
  expect(memory.allocate(10)).not.toBe(two);
  memory.free(small, true);
  expect(memory.allocate(10)).not.toBe(small);
});

test('when no memory is in use, no buffer is kept', () => {
  const memory = new LogMemory(100, 10);
  const one = memory.allocate(10);
  memory.free(one, true);
  expect(memory.used).toBe(0);
  expect(memory.allocate(10)).not.toBe(one);
});
