import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Watchdog } from '../../../agent/supervision/watchdog.ts';
import type { JobLoopProgress, JobLoopState } from '../../../agent/work/types.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const WATCHED = { WATCHDOG_USEC: '90000000' };
const PINGS_MS = 30_000;

function setUp(env: NodeJS.ProcessEnv = WATCHED, leaseSeconds = 180) {
  const clock = new ManualClock();
  const sent: string[][] = [];
  const heard = { next: true };
  const work: JobLoopState & JobLoopProgress = {
    ...{
      running: 0,
      settling: 0,
      idleSinceMs: 0,
      jobsDone: 0,
      longestLimitSeconds: 0,
      hasStaleRecords: false,
    },
    ...{ receiving: true, leasesDueMs: Number.POSITIVE_INFINITY },
  };
  const watchdog = new Watchdog({
    notify: async (...assignments) => {
      sent.push(assignments);
      return heard.next;
    },
    clock,
    env,
    leaseSeconds,
    log: pino({ level: 'silent' }),
    work: () => ({ state: () => work, progress: () => work }),
  });
  const pings = () => sent.filter(([first]) => first === 'WATCHDOG=1').length;
  return { clock, sent, heard, work, watchdog, pings };
}

test('pings three times per watchdog interval, with a status line', async () => {
  const { clock, sent, work, watchdog } = setUp();
  watchdog.setStatus('working');
  watchdog.setReady();
  Object.assign(work, { running: 3, jobsDone: 41, receiving: false, leasesDueMs: 60_000 });
  await clock.advance(PINGS_MS);
  expect(sent).toEqual([
    ['STATUS=working: 0 running, 0 done'],
    ['READY=1', 'WATCHDOG_USEC=90000000', 'STATUS=working: 0 running, 0 done'],
    ['WATCHDOG=1', 'STATUS=working: 3 running, 41 done'],
  ]);
  await clock.advance(60_000);
  expect(sent).toHaveLength(5);
});

test.each([
  { leaseSeconds: 600, watched: '90000000' },
  { leaseSeconds: 60, watched: '30000000' },
  { leaseSeconds: 4, watched: '10000000' },
])('is watched for $watched µs with a lease of $leaseSeconds s', async ({ leaseSeconds, watched }) => {
  const { clock, sent, watchdog, pings } = setUp(WATCHED, leaseSeconds);
  watchdog.setReady();
  expect(sent[0]?.[1]).toBe(`WATCHDOG_USEC=${watched}`);
  await clock.advance(Number(watched) / 1000);
  expect(pings()).toBe(3);
});

test('reports that it is ready until systemd has read it', async () => {
  const { clock, sent, heard, watchdog } = setUp();
  heard.next = false;
  watchdog.setReady();
  await clock.advance(PINGS_MS);
  heard.next = true;
  await clock.advance(2 * PINGS_MS);
  expect(sent.map((assignments) => assignments.includes('READY=1'))).toEqual([true, true, true, false]);
});

test('pings while receives are tried, successful or not', async () => {
  const { clock, watchdog, pings } = setUp();
  for (let minute = 0; minute < 60; minute += 1) {
    watchdog.recordAttempt();
    await clock.advance(60_000);
  }
  expect(pings()).toBe(120);
});

test('withholds the ping when the loop hangs, and pings again when it goes on', async () => {
  const { clock, watchdog, pings } = setUp();
  await clock.advance(600_000);
  expect(pings()).toBe(4);
  watchdog.recordAttempt();
  await clock.advance(PINGS_MS);
  expect(pings()).toBe(5);
});

test('pings for hours while all slots are busy, until a lease is overdue', async () => {
  const { clock, work, pings } = setUp();
  Object.assign(work, { running: 8, receiving: false, leasesDueMs: 4 * 3_600_000 });
  await clock.advance(4 * 3_600_000 + 120_000);
  const before = pings();
  expect(before).toBe((4 * 3_600_000 + 120_000) / PINGS_MS);
  await clock.advance(600_000);
  expect(pings()).toBe(before);
});

test('a stop asks for more time, repeatedly while the agent is alive', async () => {
  const { clock, sent, work, watchdog } = setUp();
  Object.assign(work, { running: 1, receiving: false });
  watchdog.stopping();
  await clock.advance(PINGS_MS);
  const more = 'EXTEND_TIMEOUT_USEC=210000000';
  expect(sent).toEqual([
    ['STOPPING=1', more, 'STATUS=draining: 1 running, 0 done'],
    ['WATCHDOG=1', 'STATUS=draining: 1 running, 0 done', more],
  ]);
});

test('an agent that retires before it was ready reports that it was: otherwise its end would count as a failure', async () => {
  const { clock, sent, watchdog } = setUp();
  watchdog.setStatus('retiring (worker-missing)');
  await watchdog.end();
  await clock.advance(600_000);
  expect(sent.flat()).toEqual([
    'STATUS=retiring (worker-missing): 0 running, 0 done',
    'READY=1',
    'WATCHDOG_USEC=90000000',
    'STATUS=retiring (worker-missing): 0 running, 0 done',
    'STOPPING=1',
    'STATUS=retiring (worker-missing): 0 running, 0 done',
  ]);
});

test('a service without a watchdog still sends its status', async () => {
  const { clock, sent } = setUp({});
  await clock.advance(30_000);
  expect(sent).toEqual([['WATCHDOG=1', 'STATUS=starting: 0 running, 0 done']]);
});
