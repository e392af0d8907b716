import { beforeEach, expect, test } from 'vitest';
import type { JobRecord, JobState } from '../../jobs/record.ts';
import { retryUnprocessed, TableThrottledError } from '../../store/batches.ts';
import { type JobFilter, JobIndex } from '../../store/job-index.ts';
import { findCancelled, findRunningJobs } from '../../store/running-jobs.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type TestQueue, testQueues } from '../support/test-queue.ts';

const TABLE = 'jobs';
const open = testQueues();
let bench: TestQueue;
let catalogue: JobIndex;
let made = 0;

beforeEach(async () => {
  bench = await open();
  catalogue = new JobIndex(bench.clients.dynamodb, TABLE);
});

const newId = () => `j-${++made}`;
const at = (ms: number) => new Date(ms).toISOString();

function record(id: string, state: JobState = 'queued', fields: Partial<JobRecord> = {}): JobRecord {
  return { pk: `job#${id}`, id, state, attempts: 0, enqueuedAt: at(1000), ...fields };
}

async function running(id: string): Promise<void> {
  const claim = { id, messageId: 'm', instance: 'i-1', fence: 'f', enqueuedAtMs: 500 };
  await bench.table.claim({ ...claim, nowMs: 1000, leaseUntilMs: 2000 });
}

/** Calls of an action since the start of the test. */
function calls(action: string): () => number {
  let count = 0;
  const when = () => {
    count += 1;
    return false;
  };
  bench.cloud.faults.add({ action, when, effect: { kind: 'throttle' } });
  return () => count;
}

test('many records are written and read, 25 and 100 per call, and unknown ids are missing', async () => {
  const [written, read] = [calls('BatchWriteItem'), calls('BatchGetItem')];
  const records = Array.from({ length: 260 }, () => record(newId(), 'queued', { body: 'x' }));
  await catalogue.createMany(records);
  expect(written()).toBe(11);
  const ids = records.map(({ id }) => id);
  const found = await catalogue.getMany([...ids, 'nobody', ...ids]);
  expect(read()).toBe(3);
  expect([...found.keys()].sort()).toEqual([...ids].sort());
  expect(found.get(ids[200] ?? '')).toEqual(records[200]);
  expect(await catalogue.getMany([])).toEqual(new Map());
});

test('records that a throttled table did not process are written and read by retries', async () => {
  const effect = { kind: 'partial' as const, entries: [0, 2] };
  const faults = ['BatchWriteItem', 'BatchGetItem'].map((action) =>
    bench.cloud.faults.add({ action, effect, times: 2 }),
  );
  const records = Array.from({ length: 5 }, () => record(newId()));
  await catalogue.createMany(records);
  expect((await catalogue.getMany(records.map(({ id }) => id))).size).toBe(5);
  expect(faults.map(({ timesApplied }) => timesApplied)).toEqual([2, 2]);
});

test('createOnce keeps the first record', async () => {
  const id = newId();
  expect(await catalogue.createOnce(record(id, 'queued', { body: 'first' }))).toBe(true);
  expect(await catalogue.createOnce(record(id, 'queued', { body: 'second' }))).toBe(false);
  expect(await bench.table.get(id)).toMatchObject({ body: 'first' });
});

test('a queued job is cancelled at once, a running one is requested to end, an ended one stays as it is', async () => {
  const [queued, held, runs, done] = [newId(), newId(), newId(), newId()];
  await catalogue.createMany([record(queued), record(held, 'held'), record(done, 'succeeded')]);
  await running(runs);
  for (const id of [queued, held]) {
    const cancelled = { state: 'cancelled', reason: 'cancelled by request', endedAt: at(5000), expires: 77 };
    // Twice, since the response to the first call may have been lost.
    for (let times = 0; times < 2; times += 1)
      expect(await catalogue.cancel(id, 5000, 77)).toMatchObject({ kind: 'cancelled', record: cancelled });
    expect(await catalogue.cancel(id, 6000, 88)).toMatchObject({ kind: 'ended', record: cancelled });
  }
  const requested = { state: 'running', cancelRequestedAt: at(5000) };
  for (const atMs of [5000, 6000])
    expect(await catalogue.cancel(runs, atMs, 77)).toMatchObject({ kind: 'requested', record: requested });
  expect(await bench.table.get(runs)).not.toHaveProperty('expires');
  expect(await catalogue.cancel(done, 5000, 77)).toEqual({
    kind: 'ended',
    record: record(done, 'succeeded'),
  });
  expect(await catalogue.cancel('nobody', 5000, 77)).toEqual({ kind: 'unknown' });
  expect(await bench.table.get('nobody')).toBeUndefined();
});

test('the jobs among many that were cancelled', async () => {
  const ids = [newId(), newId(), newId()] as const;
  for (const id of ids) await running(id);
  await catalogue.cancel(ids[1], 1000, 9);
  const wanted = await findCancelled(bench.clients.dynamodb, TABLE, [...ids, ids[1], 'nobody']);
  expect([...wanted]).toEqual([ids[1]]);
});

test('a job that has not ended is removed only if that is asked for', async () => {
  const [done, live] = [newId(), newId()];
  await catalogue.createMany([record(done, 'skipped'), record(live)]);
  expect(await catalogue.remove(done, { onlyEnded: true })).toBe(true);
  expect(await catalogue.remove(done, { onlyEnded: true })).toBe(true);
  expect(await catalogue.remove(live, { onlyEnded: true })).toBe(false);
  expect(await bench.table.get(live)).toBeDefined();
  expect(await catalogue.remove(live, { onlyEnded: false })).toBe(true);
  expect((await catalogue.getMany([done, live])).size).toBe(0);
});

test('a job names the last one that repeats it, unless its record is gone', async () => {
  const id = newId();
  await catalogue.createOnce(record(id, 'failed'));
  await catalogue.markRetried(id, 'j-again');
  await catalogue.markRetried('nobody', 'j-again');
  expect(await bench.table.get(id)).toMatchObject({ state: 'failed', retriedAs: 'j-again' });
  expect(await bench.table.get('nobody')).toBeUndefined();
});

test('the jobs that run on an instance, also under an agent of an earlier version, without those that ran there', async () => {
  const instance = 'i-alone';
  const listing = `running#${instance}` as const;
  const place = { instance, listed: listing, listedAt: at(0) };
  const runs = record(newId(), 'running', place);
  const runsByOld = record(newId(), 'running', { instance, listing });
  // The index is eventually consistent.
  const moved = record(newId(), 'running', { ...place, instance: 'i-other' });
  const ended = record(newId(), 'succeeded', place);
  await catalogue.createMany([runs, runsByOld, moved, ended, record(newId())]);
  const { jobs, isComplete } = await findRunningJobs(bench.clients.dynamodb, TABLE, instance);
  expect(isComplete).toBe(true);
  expect(jobs.toSorted((one, other) => one.id.localeCompare(other.id))).toEqual(
    [runs, runsByOld].toSorted((one, other) => one.id.localeCompare(other.id)),
  );
  expect(await findRunningJobs(bench.clients.dynamodb, TABLE, 'i-nobody')).toEqual({
    jobs: [],
    isComplete: true,
  });
});

test('a scan returns the selected jobs and no other items', async () => {
  const label = `label-${newId()}`;
  const old = record(newId(), 'failed', { label, endedAt: at(2000), instance: 'i-2' });
  const late = record(newId(), 'succeeded', { label, endedAt: at(8000), requestId: 'r' });
  // An earlier version wrote it like this.
  const waiting = record(newId(), 'queued', { group: label, enqueuedAt: at(7000) });
  const other = record(newId(), 'queued', { group: label, label: 'other' });
  await catalogue.createMany([old, late, waiting, other]);
  const jobs = async (filter: JobFilter) => {
    const ids: string[] = [];
    for await (const { id } of catalogue.scan({ label, ...filter })) ids.push(id);
    return ids.sort();
  };
  expect(await jobs({})).toEqual([old.id, late.id, waiting.id].sort());
  expect(await jobs({ states: ['failed', 'queued'] })).toEqual([old.id, waiting.id].sort());
  expect(await jobs({ states: [] })).toEqual([]);
  expect(await jobs({ requestId: 'r' })).toEqual([late.id]);
  expect(await jobs({ instance: 'i-2' })).toEqual([old.id]);
  expect(await jobs({ sinceMs: 7000 })).toEqual([waiting.id]);
  expect(await jobs({ endedBeforeMs: 8000 })).toEqual([old.id]);

  const item = { pk: { S: 'instance#i-9' }, instance: { S: 'i-9' } };
  await bench.cloud.call('dynamodb', 'PutItem', { TableName: TABLE, Item: item });
  for await (const { pk } of catalogue.scan()) expect(pk).toMatch(/^job#/);
});

test('unprocessed items of a batch are retried with growing waits, until nothing is processed any more', async () => {
  const clock = new ManualClock();
  const asked: { atMs: number; items: number[] }[] = [];
  const answers = [[2, 3], [2, 3], [3], []];
  const waits = { clock, random: () => 0.5 };
  const done = retryUnprocessed(TABLE, [1, 2, 3], waits, async (items) => {
    asked.push({ atMs: clock.monotonic(), items });
    return answers.shift() ?? [];
  });
  await clock.advance(10_000);
  await done;
  expect(asked).toEqual([
    { atMs: 0, items: [1, 2, 3] },
    { atMs: 25, items: [2, 3] },
    { atMs: 75, items: [2, 3] },
    { atMs: 100, items: [3] },
  ]);

  const never = expect(retryUnprocessed(TABLE, [1, 2], waits, async (left) => left)).rejects.toThrow(
    new TableThrottledError(TABLE, 2),
  );
  await clock.advance(600_000);
  await never;
  expect(new TableThrottledError(TABLE, 2).message).toContain('the table jobs is throttled: 2 items of');
});
