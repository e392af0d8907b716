import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { TERMINAL_STATES } from '../../jobs/record.ts';
import type { ClaimRequest, JobTable } from '../../jobs/table.ts';
import { openBench } from '../agent/queue.ts';

const open = openBench();
let table: JobTable;
let made = 0;

beforeEach(async () => {
  ({ table } = await open());
});

const newId = () => `job-${++made}`;
const request = (id: string, fields: Partial<ClaimRequest> = {}): ClaimRequest => ({
  id,
  messageId: 'm',
  instance: 'i-1',
  fence: 'first',
  nowMs: 1000,
  leaseUntilMs: 2000,
  enqueuedAtMs: 500,
  ...fields,
});
/** The try of the claim `first` at 1000. */
const TRY = { key: '19700101T000001.000Z-firs', instance: 'i-1', startedAt: '1970-01-01T00:00:01.000Z' };
const END = { endedAtMs: 1500, refund: 0 } as const;
const REFUNDED = { endedAtMs: 1500, refund: 1 } as const;

test('a claim counts the attempt, names the instance and lists the job as running there', async () => {
  const id = newId();
  expect(await table.claim(request(id, { group: 'g' }))).toMatchObject({ kind: 'claimed', attempts: 1 });
  expect(await table.get(id)).toEqual({
    pk: `job#${id}`,
    id,
    state: 'running',
    attempts: 1,
    messageId: 'm',
    instance: 'i-1',
    fence: 'first',
    leaseUntilMs: 2000,
    listing: 'running#i-1',
    enqueuedAt: '1970-01-01T00:00:00.500Z',
    startedAt: '1970-01-01T00:00:01.000Z',
    group: 'g',
    tries: [TRY],
  });
});

test('a lease that has not ended keeps others out, one that has ended lets them in', async () => {
  const id = newId();
  await table.claim(request(id));
  const other = { fence: 'second', instance: 'i-2', leaseUntilMs: 9000 };
  expect(await table.claim(request(id, { ...other, nowMs: 1999 }))).toEqual({
    kind: 'running',
    untilMs: 2000,
  });
  expect(await table.claim(request(id, { ...other, nowMs: 2001 }))).toMatchObject({
    kind: 'claimed',
    attempts: 2,
  });
  expect(await table.renew(id, 'first', 9999)).toBe('taken-over');
  expect(await table.finish(id, 'first', 'succeeded', END)).toBe('taken-over');
  expect(await table.handBack(id, 'first', REFUNDED)).toBe('taken-over');
  expect(await table.get(id)).toMatchObject({
    state: 'running',
    fence: 'second',
    attempts: 2,
    leaseUntilMs: 9000,
  });
});

test('a terminal state is written once, and says how the job ended', async () => {
  const id = newId();
  await table.claim(request(id));
  const end = { ...END, exitStatus: 3, reason: 'exit status 3' };
  expect(await table.finish(id, 'first', 'failed', end)).toBe('written');
  expect(await table.finish(id, 'first', 'succeeded', END)).toBe('taken-over');
  const claim = await table.claim(request(id, { fence: 'second', nowMs: 99_999 }));
  expect(claim).toMatchObject({ kind: 'ended', record: { state: 'failed', exitStatus: 3 } });
  const record = await table.get(id);
  expect(record).toMatchObject({ endedAt: '1970-01-01T00:00:01.500Z', expires: 2 + 1_209_600 });
  expect(record).not.toHaveProperty('listing');
  expect(record).not.toHaveProperty('leaseUntilMs');
});

test('a job handed back can be claimed at once; a try that did not count is taken off', async () => {
  const id = newId();
  await table.claim(request(id));
  expect(await table.handBack(id, 'first', { ...REFUNDED, reason: 'EX_TEMPFAIL', exitStatus: 75 })).toBe(
    'written',
  );
  expect(await table.get(id)).toMatchObject({ state: 'queued', attempts: 0, exitStatus: 75 });
  expect(await table.claim(request(id, { fence: 'second' }))).toMatchObject({ kind: 'claimed', attempts: 1 });
  expect(await table.get(id)).not.toHaveProperty('exitStatus');
});

test('a write is recognised as done when it is repeated because its answer was lost', async () => {
  const id = newId();
  expect(await table.claim(request(id))).toMatchObject({ kind: 'claimed', attempts: 1 });
  expect(await table.claim(request(id))).toMatchObject({ kind: 'claimed', attempts: 1 });
  await table.handBack(id, 'first', END);
  expect(await table.handBack(id, 'first', END)).toBe('written');
  await table.claim(request(id, { fence: 'second' }));
  await table.finish(id, 'second', 'succeeded', END);
  expect(await table.finish(id, 'second', 'succeeded', END)).toBe('written');
});

const step = fc.record({
  agent: fc.constantFrom('a', 'b', 'c'),
  act: fc.constantFrom('claim', 'renew', 'finish', 'handBack'),
  passMs: fc.nat(1500),
});

test('whatever agents do in whatever order: one holds the job at a time, and it ends at most once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      const id = newId();
      let nowMs = 1000;
      let ends = 0;
      let claims = 0;
      const fences = new Map<string, string>();
      for (const { agent, act, passMs } of steps) {
        nowMs += passMs;
        const before = await table.get(id);
        const fence = fences.get(agent) ?? 'none';
        const owns = before?.state === 'running' && before.fence === fence;
        if (act === 'claim') {
          const mine = `${agent}${nowMs}-${++claims}`;
          const claim = await table.claim(request(id, { fence: mine, nowMs, leaseUntilMs: nowMs + 1000 }));
          const ended = before !== undefined && TERMINAL_STATES.has(before.state);
          const leased = before?.state === 'running' && (before.leaseUntilMs ?? 0) >= nowMs;
          expect(claim.kind).toBe(ended ? 'ended' : leased ? 'running' : 'claimed');
          if (claim.kind === 'claimed') fences.set(agent, mine);
        } else if (act === 'renew') {
          expect(await table.renew(id, fence, nowMs + 1000)).toBe(owns ? 'written' : 'taken-over');
        } else if (owns) {
          if (act === 'finish') ends += 1;
          const write =
            act === 'finish' ? table.finish(id, fence, 'succeeded', END) : table.handBack(id, fence, END);
          expect(await write).toBe('written');
        } else if (before?.fence !== fence) {
          expect(await table.finish(id, fence, 'failed', END)).toBe('taken-over');
        }
      }
      expect(ends).toBeLessThanOrEqual(1);
    }),
    { numRuns: 25 },
  );
});
