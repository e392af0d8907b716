import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { InFlightMessage } from '../../../agent/work/in-flight-message.ts';
import { Leases } from '../../../agent/work/leases.ts';
import type { EntryResults, JobQueue } from '../../../store/job-queue.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** What the leases do at which second, with a queue that the test controls. */
function setUp(answer: (second: number) => EntryResults | Error) {
  const clock = new ManualClock();
  const extensions: { atSecond: number; handles: string[]; seconds: number[] }[] = [];
  const stops: { atSecond: number; graceMs: number }[] = [];
  const queue: Pick<JobQueue, 'changeVisibility'> = {
    async changeVisibility(entries) {
      const atSecond = clock.monotonic() / 1000;
      extensions.push({
        atSecond,
        handles: entries.map(({ receiptHandle }) => receiptHandle),
        seconds: entries.map(({ seconds }) => seconds),
      });
      const result = answer(atSecond);
      if (result instanceof Error) throw result;
      return result;
    },
  };
  const leases = new Leases({
    queue: queue as JobQueue,
    table: undefined,
    clock,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    leaseSeconds: 60,
    graceSeconds: 10,
  });
  const hold = (id: string): InFlightMessage => {
    const held: InFlightMessage = {
      message: { id, receiptHandle: id, body: '', receiveCount: 1, sentAtMs: undefined, attributes: {} },
      reading: { kind: 'job', job: { id, stdin: '' } },
      receiptHandle: id,
      phase: 'running',
      run: {
        ended: new Promise(() => undefined),
        stop: (graceMs) => stops.push({ atSecond: clock.monotonic() / 1000, graceMs }),
      },
      ...leases.createLease(clock.monotonic()),
    };
    leases.add(held);
    return held;
  };
  return { clock, leases, hold, extensions, stops };
}

const done = (): EntryResults => [];
const down = () => new Error('no route');

test('a lease is extended after each third of it, from the start of the last success', async () => {
  const { clock, hold, extensions } = setUp(done);
  hold('a');
  await clock.advance(65_000);
  expect(extensions.map(({ atSecond }) => atSecond)).toEqual([20, 40, 60]);
  expect(extensions.map(({ seconds }) => seconds)).toEqual([[60], [60], [60]]);
});

test('leases that are due at nearly the same time are extended in one call, ten at most', async () => {
  const { clock, hold, extensions } = setUp(done);
  for (let index = 0; index < 12; index += 1) {
    hold(`${index}`);
    await clock.advance(100);
  }
  await clock.advance(20_000);
  expect(extensions.map(({ handles }) => handles.length)).toEqual([10, 2]);
});

test('a worker is stopped, with its whole grace period, before a lease ends that could not be extended', async () => {
  const { clock, leases, hold, extensions, stops } = setUp(down);
  const held = hold('a');
  await clock.advance(60_000);
  expect(stops).toEqual([{ atSecond: 49, graceMs: 10_000 }]);
  expect(held.stopped).toBe('lease-lost');
  expect(leases.hasEnded(held)).toBe(true);
  expect(extensions.length).toBeGreaterThan(3);
});

test('one extension that succeeds in time saves the worker', async () => {
  const { clock, hold, stops } = setUp((second) => (second < 40 ? down() : done()));
  hold('a');
  await clock.advance(90_000);
  expect(stops).toEqual([]);
});

test('a message that is untracked is not extended any more', async () => {
  const { clock, leases, hold, extensions } = setUp(done);
  leases.untrack(hold('a'));
  await clock.advance(60_000);
  expect(extensions).toEqual([]);
});

test('a second delivery brings the receipt handle that is used from then on', async () => {
  const { clock, leases, hold, extensions } = setUp(done);
  const held = hold('old');
  await clock.advance(10_000);
  leases.updateHandle(held, 'new', clock.monotonic());
  await clock.advance(25_000);
  expect(extensions).toEqual([{ atSecond: 30, handles: ['new'], seconds: [60] }]);
});

test('a worker is stopped at its limit, once', async () => {
  const { clock, leases, hold, stops } = setUp(done);
  const held = hold('a');
  leases.enforceLimit(held, 30_000);
  await clock.advance(100_000);
  expect(stops).toEqual([{ atSecond: 30, graceMs: 10_000 }]);
  expect(held.stopped).toBe('timed-out');
});

test('SQS is asked for no more than is left of its 12 hours, and the worker has ended by then', async () => {
  const { clock, hold, extensions, stops } = setUp(done);
  hold('a');
  const hours12 = 12 * 3600;
  await clock.advance((hours12 + 60) * 1000);
  for (const { atSecond, seconds } of extensions)
    expect(atSecond + (seconds[0] ?? 0)).toBeLessThanOrEqual(hours12);
  expect(extensions.every(({ seconds }) => seconds.every((one) => one > 0))).toBe(true);
  expect(stops).toHaveLength(1);
  expect(stops[0]?.atSecond).toBeLessThan(hours12 - 10);
});
