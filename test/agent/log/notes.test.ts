import { setImmediate as turn } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { TryLogs } from '../../../agent/log/try-logs.ts';
import type { TryLog } from '../../../jobs/record.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const STARTED_MS = 1_800_000_000_000;

/** The log of a try that began just now, and when the record was written with how many bytes. */
function openLog(flushSeconds = 5) {
  const clock = new ManualClock(STARTED_MS);
  const notes: [ms: number, bytes: number][] = [];
  const logs = new TryLogs({
    config: {
      log: { chunkBytes: 4096, flushSeconds, bufferBytes: 65_536, patienceSeconds: 1, maxBytes: 65_536 },
    },
    clients: { s3: new S3Client({ region: 'eu-central-1' }) },
    clock,
    random: () => 0,
    log: pino({ enabled: false }),
  });
  const log = logs.open({
    job: 'j-1',
    key: 'try',
    startedMs: STARTED_MS,
    note: async ({ stdout }: TryLog) => notes.push([clock.monotonic(), stdout.bytes]),
  });
  const line = () => log.write('stdout', Buffer.from('line\n'));
  /** Prints a line at once and then one a second. */
  const lines = async (seconds: number) => {
    for (let at = 0; at < seconds; at += 1) {
      line();
      await clock.advance(1000);
    }
  };
  return { clock, log, notes, line, lines };
}

test('the first notes of a try come early, and later ones no more often than allowed', async () => {
  const { notes, lines } = openLog();
  await lines(30);
  expect(notes.map(([ms]) => ms)).toEqual([1000, 3000, 7000, 12_000, 17_000, 22_000, 27_000]);
});

test('a try that ends within a second of its first output needs no note', async () => {
  const { clock, log, notes, line } = openLog();
  await clock.advance(10_000);
  line();
  await clock.advance(999);
  await log.end();
  await clock.advance(10_000);
  expect(notes).toEqual([]);
});

test('silence needs no note, and does not restart the intervals', async () => {
  const { clock, notes, line, lines } = openLog();
  await lines(20);
  await clock.advance(100_000);
  line();
  await clock.advance(10_000);
  expect(notes.map(([ms]) => ms)).toEqual([1000, 3000, 7000, 12_000, 17_000, 22_000, 125_000]);
});

test('notes that may come more than once a second come as often as allowed', async () => {
  const { notes, lines } = openLog(0.2);
  await lines(3);
  expect(notes.map(([ms]) => ms)).toEqual([200, 1200, 2200]);
});

test('a chunk that is written while the record is being written is in the next note', async () => {
  const clock = new ManualClock(STARTED_MS);
  const [bucket, record] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const s3 = new S3Client({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  let arrived = 0;
  s3.middlewareStack.add(
    () => async () => {
      await bucket.promise;
      arrived += 1;
      return { response: undefined, output: { $metadata: {} } };
    },
    { step: 'initialize' },
  );
  const log = {
    chunkBytes: 4096,
    flushSeconds: 5,
    bufferBytes: 65_536,
    patienceSeconds: 60,
    maxBytes: 65_536,
  };
  const logs = new TryLogs({
    config: { log, logBucket: 'logs' },
    clients: { s3 },
    clock,
    random: () => 0,
    log: pino({ enabled: false }),
  });
  const notes: (number | undefined)[] = [];
  const one = logs.open({
    job: 'j-1',
    key: 'try',
    startedMs: STARTED_MS,
    async note({ stdout }) {
      notes.push(stdout.chunks);
      await record.promise;
    },
  });
  one.write('stdout', Buffer.alloc(5000));
  await clock.advance(1000);
  // The flush waits for the bucket no longer than this.
  await clock.advance(5000);
  expect(notes).toEqual([undefined]);
  bucket.resolve();
  // Two chunks, and the index.
  while (arrived < 3) await turn();
  record.resolve();
  await turn();
  await clock.advance(5000);
  expect(notes.at(-1)).toBe(2);
});
