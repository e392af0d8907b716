import { beforeEach, expect, test } from 'vitest';
import type { JobRecord } from '../../jobs/record.ts';
import { JobIndex } from '../../store/job-index.ts';
import type { JobTable } from '../../store/job-table.ts';
import { type TestQueue, testQueues } from '../support/test-queue.ts';

/** Writes that reach the table although their responses are lost. The SDK retries them, or the caller does. */

const open = testQueues();
let bench: TestQueue;
let table: JobTable;
let catalogue: JobIndex;
let made = 0;

beforeEach(async () => {
  bench = await open();
  table = bench.table;
  catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
});

const END = { endedAtMs: 1500, refund: 0 } as const;
const LOG = { stdout: { bytes: 1, text: 'x' }, stderr: { bytes: 0 } };

const claim = (id: string, fence = 'mine', nowMs = 1000, isNew = false) =>
  table.claim({
    id,
    messageId: 'm',
    instance: 'i-1',
    fence,
    nowMs,
    leaseUntilMs: nowMs + 1000,
    enqueuedAtMs: 0,
    isNew,
  });
const cancel = (id: string) => catalogue.cancel(id, 1200, 99);
const queued = (id: string): JobRecord => ({ pk: `job#${id}`, id, state: 'queued', attempts: 0 });

interface Case {
  arrange?: (id: string) => Promise<unknown>;
  act: (id: string) => Promise<unknown>;
  answer: unknown;
  record: Partial<JobRecord>;
  /** The write whose response is lost. Default: an update. */
  write?: 'PutItem';
}

const CASES: Record<string, Case> = {
  claim: {
    act: (id) => claim(id),
    answer: { kind: 'claimed', attempts: 1 },
    record: { state: 'running', attempts: 1, tries: [expect.anything()] },
  },
  'claim of a new job': {
    act: (id) => claim(id, 'mine', 1000, true),
    answer: { kind: 'claimed', attempts: 1 },
    record: { state: 'running', attempts: 1, tries: [expect.anything()] },
    write: 'PutItem',
  },
  'claim of a lost job': {
    arrange: (id) => claim(id, 'lost', 0),
    act: (id) => claim(id, 'mine', 1001),
    answer: { kind: 'claimed', attempts: 2 },
    record: { attempts: 2, tries: [expect.anything(), expect.anything()] },
  },
  'claim of a lost job that was to be cancelled': {
    arrange: async (id) => [await claim(id, 'lost', 0), await cancel(id)],
    act: (id) => claim(id, 'mine', 1001),
    answer: { kind: 'ended', record: { state: 'cancelled' } },
    record: { state: 'cancelled', attempts: 1 },
  },
  renewal: {
    arrange: claim,
    act: (id) => table.renew(id, 'mine', 3000),
    answer: 'written',
    record: { leaseUntilMs: 3000 },
  },
  'note of a log': {
    arrange: claim,
    act: (id) => table.writeLog(id, 'mine', 0, LOG),
    answer: 'written',
    record: { tries: [expect.objectContaining({ log: LOG })] },
  },
  'note of a body': {
    arrange: claim,
    act: (id) => table.writeBodyKey(id, 'bodies/x'),
    answer: undefined,
    record: { bodyKey: 'bodies/x' },
  },
  end: {
    arrange: claim,
    act: (id) => table.finish(id, 'mine', 'succeeded', END),
    answer: 'written',
    record: { state: 'succeeded', attempts: 1 },
  },
  'end that cost no attempt': {
    arrange: claim,
    act: (id) => table.finish(id, 'mine', 'failed', { ...END, refund: 1 }),
    answer: 'written',
    record: { state: 'failed', attempts: 0 },
  },
  requeue: {
    arrange: claim,
    act: (id) => table.requeue(id, 'mine', { ...END, refund: 1 }),
    answer: 'written',
    record: { state: 'queued', attempts: 0 },
  },
  'requeue of a job that somebody cancelled': {
    arrange: async (id) => [await claim(id), await cancel(id)],
    act: (id) => table.requeue(id, 'mine', { ...END, refund: 1 }),
    answer: 'cancelled',
    record: { state: 'cancelled', attempts: 0 },
  },
  'claim that is taken back': {
    arrange: claim,
    act: (id) => table.revertClaim(id, 'mine', 1500),
    answer: undefined,
    record: { state: 'queued', attempts: 0, tries: [] },
  },
  'cancel of a queued job': {
    arrange: (id) => catalogue.createOnce(queued(id)),
    act: cancel,
    answer: { kind: 'cancelled' },
    record: { state: 'cancelled', attempts: 0 },
  },
  'cancel of a running job': {
    arrange: claim,
    act: cancel,
    answer: { kind: 'requested' },
    record: { state: 'running', cancelRequestedAt: '1970-01-01T00:00:01.200Z' },
  },
};

test.each(Object.entries(CASES))('%s: is done once', async (_, { arrange, act, answer, record, write }) => {
  const id = `lost-${++made}`;
  await arrange?.(id);
  const fault = bench.cloud.faults.add({
    action: write ?? 'UpdateItem',
    effect: { kind: 'reset', applied: true },
    times: 1,
  });
  const given = await act(id);
  expect(fault.timesApplied).toBe(1);
  if (typeof answer === 'object') expect(given).toMatchObject(answer as object);
  else expect(given).toBe(answer);
  expect(await table.get(id)).toMatchObject(record);
  // The caller may not get the response either, and call again.
  const again = await act(id);
  if (typeof answer === 'object') expect(again).toMatchObject(answer as object);
  else expect(again).toBe(answer);
  expect(await table.get(id)).toMatchObject(record);
});
