import { pino } from 'pino';
import { expect, test } from 'vitest';
import { RefusalTracker } from '../../../agent/supervision/refusals.ts';
import { Receiver, type Room } from '../../../agent/work/receive.ts';
import type { JobQueue, Message } from '../../../store/job-queue.ts';
import { ManualClock } from '../../support/manual-clock.ts';

interface Poll {
  count: number;
  waitSeconds: number;
  answer(messages: number): void;
  fail(): void;
}

function setUp(room: Room, leaseSeconds = 60, pause = { ms: 0 }) {
  const clock = new ManualClock();
  const polls: Poll[] = [];
  const delivered: number[] = [];
  let attempts = 0;
  const queue: Pick<JobQueue, 'receive'> = {
    receive: (count, waitSeconds) =>
      new Promise((resolve, reject) => {
        polls.push({
          count,
          waitSeconds,
          answer: (messages) => resolve(Array.from({ length: messages }, () => ({}) as Message)),
          fail: () => reject(new Error('no route')),
        });
      }),
  };
  const receiver = new Receiver({
    queue: queue as JobQueue,
    clock,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    leaseSeconds,
    room: () => room,
    deliver: (messages) => delivered.push(messages.length),
    pauseMs: () => pause.ms,
    onSlowReceive: () => undefined,
    refusals: new RefusalTracker(clock),
    onAttempt: () => {
      attempts += 1;
    },
  });
  return { clock, polls, delivered, receiver, attempts: () => attempts };
}

test.each<[string, Room, number | undefined]>([
  ['as many as slots are free', { free: 3, waiting: 0, prefetch: 0 }, 3],
  ['ten at most', { free: 30, waiting: 0, prefetch: 0 }, 10],
  ['none while all slots are taken', { free: 0, waiting: 0, prefetch: 0 }, undefined],
  ['a free slot and what may wait behind it', { free: 1, waiting: 0, prefetch: 4 }, 5],
  ['none while more than half waits at hand', { free: 0, waiting: 3, prefetch: 4 }, undefined],
  ['the rest when half is used', { free: 0, waiting: 2, prefetch: 4 }, 2],
  ['full batches of many', { free: 0, waiting: 40, prefetch: 50 }, 10],
  ['none when less than a batch is missing of many', { free: 0, waiting: 41, prefetch: 50 }, undefined],
  ['none when jobs became longer and too many wait', { free: 0, waiting: 9, prefetch: 2 }, undefined],
])('asks for %s', (_, room, count) => {
  const { receiver, polls } = setUp(room);
  receiver.resume();
  expect(polls.map((poll) => poll.count)).toEqual(count === undefined ? [] : [count]);
});

test('a second poll runs beside the first only while the queue returns all that was asked for', async () => {
  const { receiver, polls, clock } = setUp({ free: 100, waiting: 0, prefetch: 0 });
  receiver.resume();
  receiver.startReceives();
  expect(polls).toHaveLength(1);
  polls[0]?.answer(10);
  await clock.advance(0);
  expect(polls).toHaveLength(3);
  polls[1]?.answer(0);
  await clock.advance(0);
  polls[2]?.answer(0);
  await clock.advance(0);
  expect(polls).toHaveLength(4);
});

test('waits a second for its first answer, then a short time, the longest after a minute without jobs, never more than half a lease', async () => {
  const busy = setUp({ free: 1, waiting: 0, prefetch: 0 });
  busy.receiver.resume();
  busy.polls[0]?.answer(0);
  await busy.clock.advance(61_000);
  busy.polls[1]?.answer(0);
  await busy.clock.advance(0);
  expect(busy.polls.map((poll) => poll.waitSeconds)).toEqual([1, 5, 20]);
  const short = setUp({ free: 1, waiting: 0, prefetch: 0 }, 4);
  short.receiver.resume();
  short.polls[0]?.answer(0);
  await short.clock.advance(0);
  expect(short.polls[1]?.waitSeconds).toBe(2);
});

test('waits longer and longer after errors, and never stops', async () => {
  const { receiver, polls, clock } = setUp({ free: 1, waiting: 0, prefetch: 0 });
  receiver.resume();
  for (const waitMs of [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
    const before = polls.length;
    polls.at(-1)?.fail();
    await clock.advance(waitMs - 1);
    expect(polls).toHaveLength(before);
    await clock.advance(1);
    expect(polls).toHaveLength(before + 1);
  }
});

test('a pause waits for the current receive, delivers its messages, and starts no other', async () => {
  const { receiver, polls, delivered, attempts } = setUp({ free: 1, waiting: 0, prefetch: 0 });
  receiver.resume();
  const paused = receiver.pause();
  polls[0]?.answer(1);
  await paused;
  expect(delivered).toEqual([1]);
  receiver.startReceives();
  expect(attempts()).toBe(1);
  receiver.resume();
  expect(attempts()).toBe(2);
});

test('a pause ends the wait after an error', async () => {
  const { receiver, polls, clock } = setUp({ free: 1, waiting: 0, prefetch: 0 });
  receiver.resume();
  polls[0]?.fail();
  await clock.advance(0);
  await receiver.pause();
  expect(clock.monotonic()).toBe(0);
});

test("an outage of hours: receives follow each other within the watchdog's limit", async () => {
  const { clock, receiver, polls, attempts } = setUp({ free: 1, waiting: 0, prefetch: 0 });
  receiver.resume();
  for (let minute = 0; minute < 180; minute += 1) {
    const before = attempts();
    polls.at(-1)?.fail();
    await clock.advance(60_000);
    expect(attempts()).toBeGreaterThan(before);
    expect(receiver.receiving).toBe(true);
  }
});

test('when slowed down, it asks for one job at a time, and does not take the queue for empty before it answers so', async () => {
  const pause = { ms: 5000 };
  const { receiver, clock, polls } = setUp({ free: 4, waiting: 0, prefetch: 8 }, 60, pause);
  receiver.resume();
  await clock.advance(4999);
  expect(polls).toEqual([]);
  expect(receiver.holdsBack).toBe(true);
  await clock.advance(1);
  expect(polls).toMatchObject([{ count: 1 }]);
  polls[0]?.answer(1);
  pause.ms = 10_000;
  await clock.advance(9999);
  expect(polls).toHaveLength(1);
  await clock.advance(1);
  polls[1]?.answer(0);
  await clock.advance(0);
  expect(receiver.holdsBack).toBe(false);
  expect(receiver.receiving).toBe(true);
});

test('a slow-down ends when jobs succeed again, or at once when nothing is to be received', async () => {
  const pause = { ms: 60_000 };
  const { receiver, clock, polls } = setUp({ free: 4, waiting: 0, prefetch: 0 }, 60, pause);
  receiver.resume();
  await clock.advance(1000);
  pause.ms = 0;
  receiver.endPause();
  await clock.advance(0);
  expect(polls).toMatchObject([{ count: 1 }]);
  polls[0]?.answer(0);
  await clock.advance(0);
  expect(polls).toMatchObject([{ count: 1 }, { count: 4 }]);
  pause.ms = 60_000;
  polls[1]?.answer(4);
  await clock.advance(0);
  await receiver.pause();
  expect(polls).toHaveLength(2);
});
