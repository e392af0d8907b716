import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCalls } from '../../checker/gather.ts';
import { type CallRecord, openCallLog } from '../../local/front-door/call-log.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-calls-'));
  file = join(directory, 'calls.jsonl');
});
afterEach(() => rm(directory, { recursive: true }));

const call = (number: number): CallRecord => ({
  ...{
    atMs: number,
    region: 'us-east-1',
    service: 'sqs',
    action: 'SendMessage',
    caller: 'owner',
    status: 200,
    durationMs: 1,
  },
  input: { MessageBody: 'x'.repeat(100) },
});
/** The first call of each cloud. */
const FIRST: CallRecord = { ...call(0), service: 's3', action: 'CreateBucket', caller: 'cloud' };

async function log(count: number, longestFile: number): Promise<void> {
  const calls = openCallLog(file, longestFile);
  for (const record of [FIRST, ...Array.from({ length: count - 1 }, (_, index) => call(index + 1))]) {
    calls.write(record);
    await nextTurn();
  }
  await calls.close();
}

const times = async (): Promise<number[]> => (await readCalls(file)).map(({ atMs }) => atMs);

test('the checker reads both files of a call log, in order', async () => {
  await log(15, 2000);
  expect(await times()).toEqual(Array.from({ length: 15 }, (_, index) => index));
});

test('the checker refuses a call log without its beginning', async () => {
  await log(100, 2000);
  await expect(times()).rejects.toThrow('The beginning of');
});

test('the checker reads a call log that is one file', async () => {
  await log(3, 2000);
  expect(await times()).toEqual([0, 1, 2]);
});
