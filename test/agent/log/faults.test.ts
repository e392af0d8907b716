import { expect, test } from 'vitest';
import type { FaultEffect } from '../../../local/front-door/faults.ts';
import { eventually } from '../../support/eventually.ts';
import { interleaved, type LogBench, momentsOf, openLogBench } from '../../support/log-bench.ts';
import { type Agent, testQueues } from '../../support/test-queue.ts';

const open = testQueues();

/** So little memory that a worker has to wait for the bucket after little output. */
const SMALL = { bufferBytes: 65_536, chunkBytes: 16_384, flushSeconds: 0.1 };

const COMPLAINT = "jobs' logs cannot be written as they should: the jobs go on";
const complaintsOf = ({ lines }: Agent) => lines.filter(({ msg }) => msg === COMPLAINT);

function strike({ bench, bucket }: LogBench, effect: FaultEffect, times?: number) {
  const rule = { service: 's3', action: 'PutObject', input: { Bucket: bucket }, effect };
  return bench.cloud.faults.add(times === undefined ? rule : { ...rule, times });
}

/** Waits for what a job has printed so far, and counts its chunks. Slow output has several. */
async function chunksOnceThere({ keys, part }: LogBench, job: string, bytes: number): Promise<number> {
  await eventually('its output so far', async () => {
    const there = await part(job, 'stdout').catch(() => undefined);
    return there?.length === bytes;
  });
  return (await keys()).filter((key) => key.startsWith(`jobs/${job}/`) && key.includes('/stdout/')).length;
}

/** Numbered lines of ten bytes. */
const lines = (from: number, to: number) => `seq -f '%09.0f' ${from} ${to}`;

function numbered(from: number, to: number): string {
  let text = '';
  for (let at = from; at <= to; at += 1) text += `${String(at).padStart(9, '0')}\n`;
  return text;
}

test.each<[string, FaultEffect]>([
  ['is throttled', { kind: 'throttle' }],
  ['fails', { kind: 'error', code: 'InternalError', status: 500 }],
  ['does not answer', { kind: 'reset', applied: false }],
  ['takes what it gets, and its answers are lost', { kind: 'reset', applied: true }],
])('a bucket that %s for a while costs only time', async (_, effect) => {
  const bed = await openLogBench(open);
  const { agent, bench, send, log, part } = bed;
  // More than the SDK itself tries.
  const fault = strike(bed, effect, 5);
  const worker = await agent(lines(1, 20_000), { log: SMALL });
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  expect(fault.timesApplied).toBe(5);
  expect(await log(job)).toMatchObject({ stdout: { bytes: 200_000 }, stderr: { bytes: 0 } });
  expect((await log(job))?.stdout.lost).toBeUndefined();
  expect((await part(job, 'stdout')).toString() === numbered(1, 20_000)).toBe(true);
});

test.each<[string, FaultEffect]>([
  ['fails for ever', { kind: 'error', code: 'InternalError', status: 500 }],
  ['never answers', { kind: 'timeout', applied: false }],
])('a bucket that %s fails no job and delays none for long; lost output is counted', async (_, effect) => {
  const bed = await openLogBench(open);
  const { agent, bench, send, log } = bed;
  strike(bed, effect);
  const script = `${lines(1, 200_000)}; echo the end; echo done >> $JOURNAL`;
  const worker = await agent(script, { log: { ...SMALL, patienceSeconds: 1 } });
  const startMs = performance.now();
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  // Twice the waiting time: for the worker, and for its end. A wait for each 64 KiB would be 30 s.
  expect(performance.now() - startMs).toBeLessThan(20_000);
  expect(await bench.journal()).toEqual(['done']);
  expect(await bench.table.get(job)).toMatchObject({ state: 'succeeded', attempts: 1, exitStatus: 0 });
  const bytes = 2_000_008;
  expect(await log(job)).toMatchObject({
    stdout: { bytes, lost: bytes },
    tail: expect.stringMatching(/^.{4000}.*the end\n$/s),
  });
  // Logged at once, and not once for each of them.
  expect(complaintsOf(worker)).toHaveLength(1);
});

test.each([
  ['denies everything', 'AccessDenied', 403],
  ['is gone', 'NoSuchBucket', 404],
])('a bucket that %s is not tried again', async (_, code, status) => {
  const bed = await openLogBench(open);
  const { agent, bench, send, log } = bed;
  const fault = strike(bed, { kind: 'error', code, status });
  const worker = await agent(lines(1, 100_000), { log: SMALL });
  const startMs = performance.now();
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  expect(performance.now() - startMs).toBeLessThan(10_000);
  expect(fault.timesApplied).toBeLessThan(10);
  expect((await bench.table.get(job))?.state).toBe('succeeded');
  const bytes = 1_000_000;
  expect(await log(job)).toMatchObject({
    stdout: { bytes, lost: bytes },
    tail: expect.stringMatching(/100000\n$/),
  });
  expect(complaintsOf(worker)).toMatchObject([{ err: { type: code } }]);
});

test('a bucket that is away for longer than a worker waits leaves a gap, and the log goes on after it', async () => {
  const bed = await openLogBench(open);
  const { agent, bench, send, log, logWhen, part } = bed;
  const wait = (name: string) =>
    `touch $DIRECTORY/at-${name}; until [ -e $DIRECTORY/${name} ]; do sleep 0.02; done`;
  const script = [lines(1, 1000), wait('more'), lines(1001, 50_000), wait('end'), lines(50_001, 51_000)].join(
    '; ',
  );
  const worker = await agent(script, { log: { ...SMALL, patienceSeconds: 0.5 } });
  const job = await send(worker);
  const chunks = await chunksOnceThere(bed, job, 10_000);
  const fault = strike(bed, { kind: 'throttle' });
  await bench.touch('more');
  // The worker could go on.
  const holed = await logWhen(job, ({ stdout }) => (stdout.lost ?? 0) > 0 && stdout.bytes === 500_000);
  expect(holed.stdout.chunks).toBe(chunks);
  fault.remove();
  const heldBack = 500_000 - (holed.stdout.lost ?? 0);
  // While one of its chunks is missing there is a gap.
  await eventually('all output that waited', async () => {
    const there = await part(job, 'stdout').catch(() => undefined);
    return there?.length === heldBack;
  });
  await bench.touch('end');
  await worker.done(1);
  await bench.empty();
  const found = await log(job);
  const { bytes = 0, lost = 0 } = found?.stdout ?? {};
  expect(bytes).toBe(510_000);
  const [stdout, index] = [await part(job, 'stdout'), await part(job, 'index')];
  expect(stdout.length).toBe(bytes - lost);
  expect(lost).toBeGreaterThan(300_000);
  const moments = momentsOf(index);
  expect(moments.filter(([, , length]) => length < 0).map(([, , length]) => length)).toEqual([-lost]);
  const [before = '', after = ''] = interleaved(index, stdout, Buffer.alloc(0)).split('?');
  expect(
    before + after === numbered(1, 51_000).slice(0, before.length) + numbered(1, 51_000).slice(-after.length),
  ).toBe(true);
  expect(after.endsWith(numbered(50_001, 51_000))).toBe(true);
});

test('a bucket that fails during a job leaves everything before that complete', async () => {
  const bed = await openLogBench(open);
  const { agent, bench, send, log, part } = bed;
  const script = `${lines(1, 1000)}; until [ -e $DIRECTORY/more ]; do sleep 0.02; done; ${lines(1001, 9000)}`;
  const worker = await agent(script, { log: { ...SMALL, patienceSeconds: 0.5 } });
  const job = await send(worker);
  const chunks = await chunksOnceThere(bed, job, 10_000);
  strike(bed, { kind: 'error', code: 'AccessDenied', status: 403 });
  await bench.touch('more');
  await worker.done(1);
  await bench.empty();
  expect((await bench.table.get(job))?.state).toBe('succeeded');
  expect((await part(job, 'stdout')).toString() === numbered(1, 1000)).toBe(true);
  expect((await log(job))?.stdout).toEqual({ bytes: 90_000, chunks, lost: 80_000 });
});

test('later jobs do not wait for an absent bucket as the first one did', async () => {
  const bed = await openLogBench(open);
  const { agent, bench, send, log } = bed;
  strike(bed, { kind: 'throttle' });
  const worker = await agent('head -c 5000 /dev/zero', { log: { ...SMALL, patienceSeconds: 10 } });
  await send(worker);
  await worker.done(1);
  const startMs = performance.now();
  const second = await send(worker);
  await worker.done(2);
  expect(performance.now() - startMs).toBeLessThan(9500);
  await bench.empty();
  expect((await log(second))?.stdout).toEqual({ bytes: 5000, lost: 5000 });
});

test('a drain whose time is over does not wait for a bucket that does not answer', async () => {
  const bed = await openLogBench(open);
  const { agent, bench, send, log } = bed;
  strike(bed, { kind: 'timeout', applied: false });
  const worker = await agent('head -c 5000 /dev/zero; echo done >> $JOURNAL', {
    log: { ...SMALL, patienceSeconds: 600 },
  });
  const job = await send(worker);
  await eventually('the end of the worker', async () => (await bench.journal()).length === 1);
  await worker.work.drain(0);
  expect((await bench.table.get(job))?.state).toBe('succeeded');
  expect((await log(job))?.stdout).toEqual({ bytes: 5000, lost: 5000 });
});

test('a drain whose time is over does not wait for output that the bucket blocks', async () => {
  const bed = await openLogBench(open);
  const { agent, bench, send } = bed;
  const fault = strike(bed, { kind: 'timeout', applied: false });
  const worker = await agent(`${lines(1, 200_000)}; echo done >> $JOURNAL`, {
    log: { ...SMALL, patienceSeconds: 600 },
  });
  const job = await send(worker);
  await eventually('a chunk being written', () => fault.timesApplied > 0);
  await worker.work.drain(0);
  expect(await bench.journal()).toEqual([]);
  expect(await bench.table.get(job)).toMatchObject({ state: 'queued', attempts: 0 });
});

test('a table that refuses notes of a running log stops nothing', async () => {
  const { agent, bench, send, log } = await openLogBench(open);
  const when = (input: Record<string, unknown>) => String(input['UpdateExpression']).includes('.#log');
  const fault = bench.cloud.faults.add({ action: 'UpdateItem', when, effect: { kind: 'throttle' } });
  const worker = await agent('echo a; until [ -e $DIRECTORY/more ]; do sleep 0.02; done; echo b', {
    log: SMALL,
  });
  const job = await send(worker);
  await eventually('a note that is refused', () => fault.timesApplied > 0);
  await bench.touch('more');
  await worker.done(1);
  await bench.empty();
  expect((await log(job))?.stdout.text).toBe('a\nb\n');
  await eventually('the complaint', () => complaintsOf(worker).length === 1);
});
