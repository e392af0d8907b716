import { expect, test } from 'vitest';
import type { InFlightMessage } from '../../../agent/work/in-flight-message.ts';
import { Slots } from '../../../agent/work/slots.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** Slots whose workers the test ends. */
function setUp(count: number) {
  const clock = new ManualClock();
  const running = new Map<string, () => void>();
  const returned: string[] = [];
  const slots = new Slots({
    count,
    clock,
    run: ({ receiptHandle }) => new Promise((resolve) => running.set(receiptHandle, resolve)),
    requeue: ({ receiptHandle }) => returned.push(receiptHandle),
    onFree: () => undefined,
  });
  const push = (...names: string[]) => {
    for (const receiptHandle of names) slots.push({ receiptHandle } as InFlightMessage);
  };
  const end = async (name: string) => {
    running.get(name)?.();
    running.delete(name);
    await clock.advance(0);
  };
  return { clock, slots, running, returned, push, end };
}

test('a job that waits for a long one is requeued, and no other is received in its place', async () => {
  const { clock, slots, returned, push, end } = setUp(1);
  push('quick');
  await clock.advance(10);
  await end('quick');
  expect(slots.prefetch).toBe(50);
  push('long', 'a', 'b');
  await clock.advance(1999);
  expect(returned).toEqual([]);
  await clock.advance(1);
  expect(returned).toEqual(['a', 'b']);
  expect(slots).toMatchObject({ busy: 1, waiting: 0, prefetch: 0 });
});

test('jobs that wait only a short time are not requeued', async () => {
  const { clock, slots, running, returned, push, end } = setUp(1);
  push('0', '1');
  for (let job = 0; job < 20; job += 1) {
    await clock.advance(900);
    await end(String(job));
    push(String(job + 2));
  }
  expect(returned).toEqual([]);
  expect([...running.keys()]).toEqual(['20']);
  expect(slots.waiting).toBe(1);
});

test('the time that each job has waited counts, not that of jobs before it', async () => {
  const { clock, returned, push, end } = setUp(1);
  push('a', 'b');
  await clock.advance(1500);
  await end('a');
  push('c');
  await clock.advance(1999);
  expect(returned).toEqual([]);
  await clock.advance(1);
  expect(returned).toEqual(['c']);
});
