import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { type JobRecord, TERMINAL_STATES } from '../../jobs/record.ts';
import type { ClaimRequest } from '../../store/claim.ts';
import { JobIndex } from '../../store/job-index.ts';
import { JobTable } from '../../store/job-table.ts';
import { type TestQueue, testQueues } from '../support/test-queue.ts';

const open = testQueues();
let table: JobTable;
let clients: TestQueue['clients'];
let catalogue: JobIndex;
let made = 0;

beforeEach(async () => {
  ({ table, clients } = await open());
  catalogue = new JobIndex(clients.dynamodb, 'jobs');
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

test.each([
  ['that is new', true],
  ['that may have been seen', false],
])(
  'a claim of a job %s counts the attempt, names the instance and lists it as running there',
  async (_, isNew) => {
    const id = newId();
    const claim = await table.claim(request(id, { label: 'l', isNew }));
    const claimed = { kind: 'claimed', attempts: 1, tries: [TRY], leaseUntilMs: 2000 };
    expect(claim).toEqual({ ...claimed, label: 'l' });
    expect(await table.get(id)).toEqual({
      pk: `job#${id}`,
      id,
      state: 'running',
      attempts: 1,
      messageId: 'm',
      instance: 'i-1',
      fence: 'first',
      leaseUntilMs: 2000,
      listed: 'running#i-1',
      listedAt: expect.stringMatching(/^1970-01-01T00:00:00.500Z#job-\d+$/),
      enqueuedAt: '1970-01-01T00:00:00.500Z',
      startedAt: '1970-01-01T00:00:01.000Z',
      label: 'l',
      tries: [TRY],
    });
  },
);

test.each<[string, Partial<JobRecord>, Partial<ClaimRequest>, string | undefined]>([
  ['its record', { label: 'own' }, {}, 'own'],
  ['its record, whatever the message has', { label: 'own' }, { label: 'other' }, 'own'],
  ['its message', {}, { label: 'sent' }, 'sent'],
  ['the group of a record of an earlier version', { group: 'g' }, {}, 'g'],
  ['nowhere', {}, {}, undefined],
])('a job has its label from %s', async (_, kept, sent, label) => {
  const id = newId();
  const record = { pk: `job#${id}`, id, state: 'queued', attempts: 0, ...kept } as const;
  await catalogue.createMany([record]);
  expect(await table.claim(request(id, sent))).toMatchObject({ kind: 'claimed', label });
});

test('a claim of a job of a group has what its record says of its try', async () => {
  const id = newId();
  const said = {
    ...{ group: 'shop/web', requestId: 'r1', target: 's2', index: 2, count: 9 },
    ...({ command: 'undo', stage: 'rollBack', stageOf: 'j-1', maxAttempts: 1 } as const),
  };
  const notNowAt = '2026-01-02T03:04:05.678Z';
  const state = { pk: `job#${id}`, id, state: 'queued', attempts: 0 } as const;
  await catalogue.createMany([{ ...state, ...said, notNowAt }]);
  const claim = await table.claim(request(id));
  const grouped = { ...said, notNowAtMs: Date.parse(notNowAt) };
  expect(claim).toMatchObject({ kind: 'claimed', grouped });
  expect(await table.get(id)).not.toHaveProperty('firstStartedAt');
});

test('the time of a health check counts from its first claim, whatever becomes of that', async () => {
  const id = newId();
  const check = { group: 'g', stage: 'check', stageOf: 'j-1', command: 'healthy', checkSeconds: 60 } as const;
  await catalogue.createMany([{ pk: `job#${id}`, id, state: 'queued', attempts: 0, ...check }]);
  expect(await table.claim(request(id))).toMatchObject({ grouped: { checkUntilMs: 61_000 } });
  expect(await table.get(id)).toMatchObject({ firstStartedAt: '1970-01-01T00:00:01.000Z' });
  const later = request(id, { fence: 'second', nowMs: 50_000, leaseUntilMs: 55_000 });
  expect(await table.claim(later)).toMatchObject({ grouped: { checkUntilMs: 61_000 } });
});

test('a claim of a health check whose answer was lost notes the first start when it is repeated', async () => {
  const id = newId();
  const check = { group: 'g', stage: 'check', checkSeconds: 60, fence: 'first', leaseUntilMs: 2000 } as const;
  const tries = [TRY];
  await catalogue.createMany([{ pk: `job#${id}`, id, state: 'running', attempts: 1, tries, ...check }]);
  expect(await table.claim(request(id))).toMatchObject({ attempts: 1, grouped: { checkUntilMs: 61_000 } });
  expect(await table.get(id)).toMatchObject({ firstStartedAt: '1970-01-01T00:00:01.000Z' });
});

test('a redriven dead letter has the label of its earlier job', async () => {
  const [old, id] = [newId(), newId()];
  const record = { pk: `job#${old}`, id: old, state: 'failed', attempts: 1, label: 'nightly' } as const;
  await catalogue.createMany([record]);
  const back = request(id, { retryOf: old, isNew: true });
  expect(await table.claim(back)).toMatchObject({ kind: 'claimed', label: 'nightly' });
  expect(await table.get(id)).toMatchObject({ retryOf: old, label: 'nightly' });
});

test('a job can be claimed again only when its lease has expired', async () => {
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
  expect(await table.requeue(id, 'first', REFUNDED)).toBe('taken-over');
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
  expect(record?.listed).toMatch(/^failed#[0-7]$/);
  expect(record).not.toHaveProperty('leaseUntilMs');
});

test('a requeued job can be claimed at once, and a try that does not count is subtracted', async () => {
  const id = newId();
  await table.claim(request(id));
  expect(await table.requeue(id, 'first', { ...REFUNDED, reason: 'EX_TEMPFAIL', exitStatus: 75 })).toBe(
    'written',
  );
  expect(await table.get(id)).toMatchObject({ state: 'queued', attempts: 0, exitStatus: 75 });
  expect(await table.claim(request(id, { fence: 'second' }))).toMatchObject({ kind: 'claimed', attempts: 1 });
  expect(await table.get(id)).not.toHaveProperty('exitStatus');
});

test('a write that is retried because its response was lost is recognised as done', async () => {
  const id = newId();
  expect(await table.claim(request(id))).toMatchObject({ kind: 'claimed', attempts: 1 });
  expect(await table.claim(request(id))).toMatchObject({ kind: 'claimed', attempts: 1 });
  await table.requeue(id, 'first', END);
  expect(await table.requeue(id, 'first', END)).toBe('written');
  await table.claim(request(id, { fence: 'second' }));
  await table.finish(id, 'second', 'succeeded', END);
  expect(await table.finish(id, 'second', 'succeeded', END)).toBe('written');
});

test('a try is written at its claim and at its end, and a claim keeps the earlier tries', async () => {
  const id = newId();
  const claim = await table.claim(request(id));
  expect(claim).toEqual({ kind: 'claimed', attempts: 1, tries: [TRY], leaseUntilMs: 2000 });
  const ended = { ...TRY, attempt: 1, endedAt: '1970-01-01T00:00:01.500Z', exitStatus: 3 };
  await table.requeue(id, 'first', { ...END, tries: [ended] });
  expect((await table.get(id))?.tries).toEqual([ended]);
  const second = await table.claim(request(id, { fence: 'second', nowMs: 3000, instance: 'i-2' }));
  const key = '19700101T000003.000Z-seco';
  const tries = [ended, { key, instance: 'i-2', startedAt: '1970-01-01T00:00:03.000Z' }];
  expect(second).toEqual({ kind: 'claimed', attempts: 2, tries, leaseUntilMs: 2000 });
});

test('a log is written while its try runs, and not after', async () => {
  const id = newId();
  const log = { stdout: { bytes: 2, text: 'hi' }, stderr: { bytes: 0 } };
  await table.claim(request(id));
  await table.claim(request(id, { fence: 'second', nowMs: 2001, leaseUntilMs: 9000 }));
  expect(await table.writeLog(id, 'first', 0, log)).toBe('taken-over');
  expect(await table.writeLog(id, 'second', 1, log)).toBe('written');
  expect(await table.writeLog(id, 'second', 1, log)).toBe('written');
  expect((await table.get(id))?.tries).toMatchObject([TRY, { log }]);
  expect((await table.get(id))?.tries?.[0]).not.toHaveProperty('log');
  await table.finish(id, 'second', 'succeeded', END);
  expect(await table.writeLog(id, 'second', 1, log)).toBe('taken-over');
});

test('a record keeps its first short body, and of a long one only the key', async () => {
  const [short, long] = [newId(), newId()];
  await table.claim(request(short, { body: 'x'.repeat(1024), limitSeconds: 7 }));
  await table.requeue(short, 'first', END);
  await table.claim(request(short, { fence: 'second', body: 'another' }));
  expect(await table.get(short)).toMatchObject({ body: 'x'.repeat(1024), limitSeconds: 7 });
  await table.claim(request(long, { body: 'é'.repeat(513) }));
  expect(await table.get(long)).not.toHaveProperty('body');
  await table.writeBodyKey(long, 'bodies/1');
  await table.writeBodyKey(long, 'bodies/2');
  expect(await table.get(long)).toMatchObject({ bodyKey: 'bodies/1' });
  await table.writeBodyKey('nobody', 'bodies/1');
  expect(await table.get('nobody')).toBeUndefined();
});

test('lost tries do not make the record grow without bounds', async () => {
  const id = newId();
  const log = { stdout: { bytes: 4000, text: 'o'.repeat(4000) }, stderr: { bytes: 0 } };
  for (let lost = 0; lost < 30; lost += 1) {
    const fence = `f${lost}`;
    const claim = await table.claim(
      request(id, { fence, nowMs: 3000 * lost, leaseUntilMs: 3000 * lost + 1 }),
    );
    if (claim.kind !== 'claimed') throw new Error(claim.kind);
    expect(claim.tries.length).toBeLessThanOrEqual(25);
    expect(claim.tries.at(-1)?.key).toContain(`-${fence}`);
    await table.writeLog(id, fence, claim.tries.length - 1, log);
    expect(JSON.stringify(await table.get(id)).length).toBeLessThan(45_000);
  }
  expect(await table.get(id)).toMatchObject({ attempts: 30 });
});

test('a queued record is kept as long as its message can be, and then as long as an ended one', async () => {
  const id = newId();
  const brief = new JobTable(clients.dynamodb, 'jobs', 60);
  await brief.claim(request(id));
  expect(await brief.get(id)).not.toHaveProperty('expires');
  await brief.requeue(id, 'first', { endedAtMs: 5001, refund: 0 });
  expect(await brief.get(id)).toMatchObject({ expires: 6 + 1_209_600 + 60 });
  await brief.claim(request(id, { fence: 'second' }));
  expect(await brief.get(id)).not.toHaveProperty('expires');
  await brief.finish(id, 'second', 'failed', { endedAtMs: 5001, refund: 0 });
  expect(await brief.get(id)).toMatchObject({ expires: 6 + 60 });
});

test('a cancelled record is kept as long as its message can be, since otherwise the job would run', async () => {
  const [brief, long] = [60, 2_000_000].map((seconds) => new JobTable(clients.dynamodb, 'jobs', seconds));
  for (const [which, kept] of [
    [brief, 1_209_600],
    [long, 2_000_000],
  ] as const) {
    const id = newId();
    await which?.claim(request(id));
    await which?.finish(id, 'first', 'cancelled', { endedAtMs: 5001, refund: 0 });
    expect(await which?.get(id)).toMatchObject({ expires: 6 + kept });
  }
});

test('a reverted claim costs no attempt and leaves no try, whether it was written or not', async () => {
  const [written, not] = [newId(), newId()];
  await table.claim(request(written));
  await table.revertClaim(written, 'another', 1500);
  expect(await table.get(written)).toMatchObject({ state: 'running' });
  await table.revertClaim(written, 'first', 1500);
  expect(await table.get(written)).toMatchObject({ state: 'queued', attempts: 0, tries: [] });
  await table.revertClaim(not, 'first', 1500);
  expect(await table.get(not)).toBeUndefined();
});

test('a claim counts once: a retry that arrives after the requeue claims nothing', async () => {
  const id = newId();
  await table.claim(request(id));
  await table.requeue(id, 'first', END);
  expect(await table.claim(request(id))).toEqual({ kind: 'waiting', state: 'queued' });
  expect(await table.get(id)).toMatchObject({ state: 'queued', attempts: 1 });
});

test('a running job that somebody cancelled is not queued again, and a lost one is not tried again', async () => {
  const [handedBack, lost, done] = [newId(), newId(), newId()];
  for (const id of [handedBack, lost, done]) {
    await table.claim(request(id));
    expect(await table.renew(id, 'first', 2000)).toBe('written');
    expect(await catalogue.cancel(id, 1200, 99)).toMatchObject({ kind: 'requested' });
    expect(await table.renew(id, 'first', 2000)).toBe('cancel-requested');
  }
  const end = { ...END, exitStatus: 3, reason: 'exit status 3' };
  for (let again = 0; again < 2; again += 1)
    expect(await table.requeue(handedBack, 'first', end)).toBe('cancelled');
  const cancelled = { state: 'cancelled', reason: 'cancelled by request', attempts: 1 };
  expect(await table.get(handedBack)).toMatchObject({ ...cancelled, exitStatus: 3 });

  const other = { fence: 'second', instance: 'i-2', leaseUntilMs: 9000 };
  expect(await table.claim(request(lost, { ...other, nowMs: 1999 }))).toMatchObject({ kind: 'running' });
  const claim = await table.claim(request(lost, { ...other, nowMs: 2001 }));
  expect(claim).toMatchObject({
    kind: 'ended',
    record: { ...cancelled, endedAt: '1970-01-01T00:00:02.001Z' },
  });
  expect((await table.get(lost))?.listed).toMatch(/^cancelled#[0-7]$/);
  expect(await table.requeue(lost, 'first', END)).toBe('cancelled');

  expect(await table.finish(done, 'first', 'succeeded', END)).toBe('written');
  expect(await table.requeue(done, 'first', END)).toBe('taken-over');
  expect(await table.get(done)).toMatchObject({ state: 'succeeded' });
});

test('an agent that retries a requeue learns that the job was cancelled after it', async () => {
  const id = newId();
  await table.claim(request(id));
  await table.requeue(id, 'first', END);
  expect(await catalogue.cancel(id, 1600, 99)).toMatchObject({ kind: 'cancelled' });
  expect(await table.requeue(id, 'first', END)).toBe('cancelled');
  expect(await table.claim(request(id, { fence: 'second', nowMs: 9999 }))).toMatchObject({
    kind: 'ended',
    record: { state: 'cancelled' },
  });
});

const step = fc.record({
  agent: fc.constantFrom('a', 'b', 'c'),
  act: fc.constantFrom('claim', 'renew', 'finish', 'requeue'),
  passMs: fc.nat(1500),
  isNew: fc.boolean(),
});

test('in every order of calls one agent has the job at a time, and it ends at most once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      const id = newId();
      let nowMs = 1000;
      let ends = 0;
      let claims = 0;
      const fences = new Map<string, string>();
      for (const { agent, act, passMs, isNew } of steps) {
        nowMs += passMs;
        const before = await table.get(id);
        const fence = fences.get(agent) ?? 'none';
        const owns = before?.state === 'running' && before.fence === fence;
        if (act === 'claim') {
          const mine = `${agent}${nowMs}-${++claims}`;
          const lease = { nowMs, leaseUntilMs: nowMs + 1000 };
          const claim = await table.claim(request(id, { fence: mine, isNew, ...lease }));
          const ended = before !== undefined && TERMINAL_STATES.has(before.state);
          const leased = before?.state === 'running' && (before.leaseUntilMs ?? 0) >= nowMs;
          expect(claim.kind).toBe(ended ? 'ended' : leased ? 'running' : 'claimed');
          if (claim.kind === 'claimed') fences.set(agent, mine);
        } else if (act === 'renew') {
          expect(await table.renew(id, fence, nowMs + 1000)).toBe(owns ? 'written' : 'taken-over');
        } else if (owns) {
          if (act === 'finish') ends += 1;
          const write =
            act === 'finish' ? table.finish(id, fence, 'succeeded', END) : table.requeue(id, fence, END);
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

test.each([
  ['none', undefined, 'none', undefined, 'claimed'],
  ['one', 'n-1', 'the same', 'n-1', 'claimed'],
  ['one', 'n-1', 'another', 'n-2', 'refused'],
  ['one', 'n-1', 'none', undefined, 'refused'],
  // An earlier version enqueued it, or a producer that writes no records.
  ['none', undefined, 'one', 'n-1', 'claimed'],
])('a record with nonce %s (%s), a message with %s (%s)', async (_, recorded, __, sent, kind) => {
  const id = newId();
  const record = {
    pk: `job#${id}`,
    id,
    state: 'queued',
    attempts: 0,
    ...(recorded && { nonce: recorded }),
  } as const;
  await catalogue.createOnce(record);
  expect(await table.claim(request(id, { nonce: sent }))).toMatchObject({ kind });
  const after = await table.get(id);
  if (kind === 'refused') expect(after).toEqual(record);
  else expect(after?.nonce).toBe(recorded);
});

test('a message with another nonce is not told that the job has ended', async () => {
  const id = newId();
  await catalogue.createOnce({ pk: `job#${id}`, id, state: 'failed', attempts: 1, nonce: 'n-1' });
  expect(await table.claim(request(id))).toEqual({
    kind: 'refused',
    reason: `the message is not the one that job ${id} was enqueued with`,
  });
});

test('a claim that needs a record creates none, and one that needs a nonce accepts no record without', async () => {
  const id = newId();
  const needy = { nonce: 'n-1', needsRecord: 'there is none', needsNonce: true };
  expect(await table.claim(request(id, needy))).toEqual({ kind: 'refused', reason: 'there is none' });
  expect(await table.get(id)).toBeUndefined();
  const record = { pk: `job#${id}`, id, state: 'queued', attempts: 0 } as const;
  await catalogue.createOnce(record);
  expect(await table.claim(request(id, needy))).toMatchObject({ kind: 'refused' });
  expect(await table.get(id)).toEqual(record);
});

test('a redriven dead letter goes on although its job is retried by hand meanwhile, and a second one is refused', async () => {
  const [old, again, second] = [newId(), newId(), newId()];
  const dead = { pk: `job#${old}`, id: old, state: 'failed', attempts: 1, nonce: 'n-1' } as const;
  await catalogue.createOnce(dead);
  const redriven = { retryOf: old, nonce: 'n-1', isNew: true };
  expect(await table.claim(request(again, redriven))).toMatchObject({ kind: 'claimed', attempts: 1 });
  await table.requeue(again, 'first', END);
  await catalogue.markRetried(old, 'j-by-hand');
  expect(await table.claim(request(again, { ...redriven, fence: 'next' }))).toMatchObject({
    kind: 'claimed',
    attempts: 2,
  });
  expect(await table.claim(request(second, redriven))).toEqual({
    kind: 'refused',
    reason: `the message says that it is a dead letter of job ${old}, which was retried as job j-by-hand already`,
    provenId: old,
  });
});

test('a redrive is accepted again if its response was lost', async () => {
  const [old, again] = [newId(), newId()];
  await catalogue.createOnce({ pk: `job#${old}`, id: old, state: 'lost', attempts: 1, retriedAs: again });
  expect(await table.claim(request(again, { retryOf: old }))).toMatchObject({ kind: 'claimed' });
});

test('a limit that the fleet does not allow is refused unless the record has it already', async () => {
  const [tried, named, free] = [newId(), newId(), newId()];
  const long = { fence: 'next', limitSeconds: 43_000, overLimit: 'too long' };
  await table.claim(request(tried));
  const afterLease = { ...long, nowMs: 9000, leaseUntilMs: 10_000 };
  expect(await table.claim(request(tried, afterLease))).toMatchObject({ kind: 'refused', fails: false });
  await table.requeue(tried, 'first', END);
  const before = await table.get(tried);
  expect(await table.claim(request(tried, long))).toEqual({
    kind: 'refused',
    reason: 'too long',
    fails: false,
  });
  expect(await table.get(tried)).toEqual(before);
  const record = { pk: `job#${named}`, id: named, state: 'queued', attempts: 0, nonce: 'n-1' } as const;
  await catalogue.createOnce({ ...record, limitSeconds: 43_000, limitUnchecked: true });
  expect(await table.claim(request(named, { ...long, nonce: 'n-1' }))).toMatchObject({ fails: true });
  expect(await table.claim(request(free, { ...long, isNew: true }))).toMatchObject({ fails: false });
  expect(await table.get(free)).toBeUndefined();
});

test('a job that is requeued with a delay has the time when it can run, until it is claimed again', async () => {
  const id = newId();
  await table.claim(request(id));
  await table.requeue(id, 'first', { ...END, notBeforeMs: 61_500 });
  expect(await table.get(id)).toMatchObject({ state: 'queued', notBefore: '1970-01-01T00:01:01.500Z' });
  await table.claim(request(id, { fence: 'second', nowMs: 62_000, leaseUntilMs: 63_000 }));
  expect(await table.get(id)).not.toHaveProperty('notBefore');
  await table.requeue(id, 'second', { ...END, endedAtMs: 62_500 });
  expect(await table.get(id)).not.toHaveProperty('notBefore');
});
