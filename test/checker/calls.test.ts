import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callsIn } from '../../checker/gather.ts';
import { type CallRecord, openCallLog } from '../../local/front-door/call-log.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-calls-'));
  file = join(directory, 'calls.jsonl');
});
afterEach(() => rm(directory, { recursive: true }));

const call = (number: number): CallRecord => ({
  ...{ atMs: number, region: 'us-east-1', service: 'sqs', action: 'SendMessage' },
  ...{ caller: 'owner', status: 200, durationMs: 1 },
  input: { MessageBody: 'x'.repeat(100) },
});
/** The first call of each cloud. */
const FIRST: CallRecord = { ...call(0), service: 's3', action: 'CreateBucket', caller: 'cloud' };

/** Writes a log of so many calls, in files of at most about 2 kB. */
async function log(count: number): Promise<void> {
  const calls = openCallLog(file, 2000);
  for (const record of [FIRST, ...Array.from({ length: count - 1 }, (_, index) => call(index + 1))]) {
    calls.write(record);
    await nextTurn();
  }
  await calls.close();
}

const times = async (): Promise<number[]> => (await callsIn(file)).map(({ atMs }) => atMs);

test('the checker reads a log of one file', async () => {
  await log(3);
  expect(await times()).toEqual([0, 1, 2]);
});

test('the checker reads both files of a log, in order', async () => {
  await log(15);
  expect(await times()).toEqual(Array.from({ length: 15 }, (_, index) => index));
});

test('the checker refuses a log whose beginning is gone', async () => {
  await log(100);
  await expect(times()).rejects.toThrow('The beginning of');
});
