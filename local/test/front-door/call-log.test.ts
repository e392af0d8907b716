import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CallRecord, openCallLog } from '../../front-door/call-log.ts';

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

const times = (lines: string): number[] =>
  lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).atMs);

test('a call log is at most two files of limited size, without the oldest lines', async () => {
  await log(100, 2000);
  const [before, now] = await Promise.all([`${file}.1`, file].map((path) => readFile(path, 'utf8')));
  expect(before?.length).toBeGreaterThan(2000);
  expect(before?.length).toBeLessThan(2500);
  expect(now?.length).toBeLessThan(2500);
  const kept = times(`${before}${now}`);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 100 - kept.length + index));
});

test('a log below the limit is one file', async () => {
  await writeFile(file, '');
  await log(3, 2000);
  expect(times(await readFile(file, 'utf8'))).toEqual([0, 1, 2]);
  await expect(readFile(`${file}.1`, 'utf8')).rejects.toThrow('ENOENT');
});
