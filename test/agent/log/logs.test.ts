import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TryLog } from '../../../jobs/record.ts';
import { eventually } from '../../support/eventually.ts';
import { interleaved, momentsOf, openLogBench } from '../../support/log-bench.ts';
import { testQueues } from '../../support/test-queue.ts';

const open = testQueues();

/** Waits for a file in the workers' directory. */
const until = (name: string) => `until [ -e $DIRECTORY/${name} ]; do sleep 0.02; done`;

test('a small log is in the record, both streams as they came, without a call to S3', async () => {
  const { bench, agent, send, log, logWhen, calls } = await openLogBench(open);
  const script = `echo one; ${until('two')}; echo two >&2; ${until('three')}; echo three`;
  const worker = await agent(script, { log: { flushSeconds: 0.1 } });
  const job = await send(worker);
  await logWhen(job, ({ stdout }) => stdout.bytes === 4);
  await bench.touch('two');
  await logWhen(job, ({ stderr }) => stderr.bytes === 4);
  await bench.touch('three');
  await worker.done(1);
  await bench.empty();
  const found = await log(job);
  expect(found).toEqual({
    stdout: { bytes: 10, text: 'one\nthree\n' },
    stderr: { bytes: 4, text: 'two\n' },
    times: [
      [expect.any(Number), 1, 4],
      [expect.any(Number), 2, 4],
      [expect.any(Number), 1, 6],
    ],
  });
  const [first = 0, second = 0, third = 0] = (found?.times ?? []).map(([ms]) => ms);
  expect(first).toBeGreaterThanOrEqual(0);
  expect(second - first).toBeGreaterThan(50);
  expect(third - second).toBeGreaterThan(50);
  expect(await calls()).toEqual([]);
});

test.each([
  ['nothing', 'true', { bytes: 0 }],
  ['text', 'printf "ä\\0b\\r\\n"', { bytes: 6, text: 'ä\0b\r\n' }],
  ['what is no UTF-8', 'printf "\\377a\\200"', { bytes: 3, base64: '/2GA' }],
])('%s is kept byte by byte', async (_, script, stdout) => {
  const { agent, bench, send, log } = await openLogBench(open);
  const worker = await agent(script);
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  expect((await log(job))?.stdout).toEqual(stdout);
});

test.each([
  [4096, 0],
  [4097, 2],
])('a log of %i bytes costs %i calls to S3', async (bytes, puts) => {
  const { agent, bench, send, log, calls, part } = await openLogBench(open);
  const script = `head -c 100 /dev/zero >&2; head -c ${bytes - 100} /dev/zero | tr '\\0' x`;
  // A flush in between would be additional calls.
  const worker = await agent(script, { log: { flushSeconds: 60 } });
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  const found = await log(job);
  expect([found?.stdout.bytes, found?.stderr.bytes]).toEqual([bytes - 100, 100]);
  // One call for each stream and one for the index.
  expect(await calls()).toHaveLength(puts && puts + 1);
  if (puts === 0) return;
  expect(found).toEqual({
    stdout: { bytes: bytes - 100, chunks: 1 },
    stderr: { bytes: 100, chunks: 1 },
    tail: expect.any(String),
  });
  // An agent that is held up finds both pipes full, and may read the later one first.
  const orders = [
    ['\0'.repeat(100), 'x'.repeat(bytes - 100)],
    ['x'.repeat(bytes - 100), '\0'.repeat(100)],
  ];
  expect(orders.map((order) => order.join('').slice(-4096))).toContain(found?.tail);
  expect((await part(job, 'stdout')).toString()).toBe('x'.repeat(bytes - 100));
  expect((await part(job, 'stderr')).length).toBe(100);
});

test('a log is kept up to maxBytes, both streams together; beyond it the worker goes on, and the record has the last lines', async () => {
  const { agent, bench, send, log, logWhen, part, calls } = await openLogBench(open);
  const script = `yes 123456789 | head -c 60000; head -c 30000 /dev/zero >&2; yes 123456789 | head -c 50000; ${until('end')}; echo the end >&2`;
  // So little memory that the worker would wait for the bucket if output beyond the limit were kept there.
  const small = { bufferBytes: 65_536, chunkBytes: 16_384, flushSeconds: 0.1 };
  const worker = await agent(script, { log: { ...small, maxBytes: 100_000 } });
  const job = await send(worker);
  await logWhen(job, ({ stdout }) => stdout.bytes === 110_000 && stdout.chunks !== undefined);
  // The record may count chunks that are still being written.
  const bytesOf = async (stream: 'stdout' | 'stderr') => (await part(job, stream).catch(() => '')).length;
  await eventually(
    'all that is kept',
    async () => (await bytesOf('stdout')) === 70_000 && (await bytesOf('stderr')) === 30_000,
  );
  const before = (await calls()).length;
  await bench.touch('end');
  await worker.done(1);
  await bench.empty();
  expect(await bench.table.get(job)).toMatchObject({ state: 'succeeded', exitStatus: 0 });
  expect(await log(job)).toMatchObject({
    stdout: { bytes: 110_000, lost: 40_000 },
    stderr: { bytes: 30_008, lost: 8 },
    maxBytes: 100_000,
    tail: expect.stringMatching(/123456789\nthe end\n$/),
  });
  expect((await part(job, 'stdout')).toString()).toBe('123456789\n'.repeat(7000));
  expect(await part(job, 'stderr')).toHaveLength(30_000);
  expect(momentsOf(await part(job, 'index')).every(([, , bytes]) => bytes > 0)).toBe(true);
  // Output beyond the limit causes no calls and is not a failure of the bucket.
  expect((await calls()).length - before).toBeLessThanOrEqual(3);
  expect(worker.lines.filter(({ level }) => Number(level) >= 40)).toEqual([]);
});

test('a log of exactly maxBytes is complete and not marked as cut', async () => {
  const { agent, bench, send, log, part } = await openLogBench(open);
  const worker = await agent('head -c 9000 /dev/zero; head -c 1000 /dev/zero >&2', {
    log: { maxBytes: 10_000 },
  });
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  const found = await log(job);
  expect(found).toMatchObject({ stdout: { bytes: 9000 }, stderr: { bytes: 1000 } });
  expect([found?.stdout.lost, found?.stderr.lost, found?.maxBytes]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect((await part(job, 'stdout')).length + (await part(job, 'stderr')).length).toBe(10_000);
});

test('a log can be read while its job runs: first from the record, then from the bucket', async () => {
  const { agent, bench, send, logWhen, log, part, calls } = await openLogBench(open);
  const script = `echo start; ${until('more')}; head -c 5000 /dev/zero | tr '\\0' x; ${until('end')}; echo end`;
  const worker = await agent(script, { log: { flushSeconds: 0.1 } });
  const job = await send(worker);
  await logWhen(job, ({ stdout }) => stdout.text === 'start\n');
  expect((await bench.table.get(job))?.state).toBe('running');
  expect(await calls()).toEqual([]);
  await bench.touch('more');
  const running = await logWhen(job, ({ stdout }) => stdout.chunks !== undefined && stdout.bytes === 5006);
  expect(running).toMatchObject({ stdout: { bytes: 5006 }, tail: 'x'.repeat(4096) });
  expect((await bench.table.get(job))?.state).toBe('running');
  expect((await part(job, 'stdout')).toString()).toBe(`start\n${'x'.repeat(5000)}`);
  await bench.touch('end');
  await worker.done(1);
  await bench.empty();
  expect((await log(job))?.stdout.bytes).toBe(5010);
  expect((await part(job, 'stdout')).toString()).toBe(`start\n${'x'.repeat(5000)}end\n`);
});

test('a running log is noted no more often than allowed, and not at all without new output', async () => {
  const { agent, bench, send, logWhen } = await openLogBench(open);
  const script = `echo a; ${until('noted')}; sleep 0.6; echo b; ${until('end')}`;
  const worker = await agent(script, { log: { flushSeconds: 0.2 } });
  const job = await send(worker);
  await logWhen(job, ({ stdout }) => stdout.text === 'a\n');
  await bench.touch('noted');
  await logWhen(job, ({ stdout }) => stdout.text === 'a\nb\n');
  await bench.touch('end');
  await worker.done(1);
  await bench.empty();
  const calls = (await readFile(bench.cloud.logFile, 'utf8'))
    .split('\n')
    .filter((line) => line.includes(job));
  const notes = calls.filter((line) => line.includes('#log') && line.includes('UpdateItem'));
  expect(notes).toHaveLength(2);
});

test('two streams at full speed are in the bucket byte by byte, in chunks, with a complete index', async () => {
  const { agent, bench, send, log, part, calls } = await openLogBench(open);
  const print = (name: string, bytes: number) => `head -c ${bytes} /dev/urandom | tee $DIRECTORY/${name}`;
  const script = `${print('out', 3_000_000)} & ${print('err', 2_000_001)} >&2 & wait`;
  const worker = await agent(script, { log: { chunkBytes: 65_536, flushSeconds: 60 } });
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  const { stdout, stderr } = (await log(job)) ?? {};
  expect([stdout?.bytes, stderr?.bytes]).toEqual([3_000_000, 2_000_001]);
  expect(stdout?.lost).toBeUndefined();
  // Chunks are full, except the last one, and one at each flush on a slow machine.
  expect(stdout?.chunks).toBeGreaterThanOrEqual(46);
  expect(stdout?.chunks).toBeLessThan(56);
  expect(stderr?.chunks).toBeGreaterThanOrEqual(31);
  expect(stderr?.chunks).toBeLessThan(41);
  for (const [name, which] of [
    ['out', 'stdout'],
    ['err', 'stderr'],
  ] as const) {
    expect(sha(await part(job, which))).toBe(sha(await readFile(join(bench.directory, name))));
  }
  const moments = momentsOf(await part(job, 'index'));
  for (const stream of [1, 2]) {
    const total = moments.reduce((sum, [, number, bytes]) => sum + (number === stream ? bytes : 0), 0);
    expect(total).toBe(stream === 1 ? 3_000_000 : 2_000_001);
  }
  // No object is written twice.
  const keys = (await calls()).map(({ input }) => (input as { Key: string }).Key);
  expect(new Set(keys).size).toBe(keys.length);
});

test('the index has the order in which both streams came', async () => {
  const { agent, bench, send, logWhen, part } = await openLogBench(open);
  const print = (what: string, where: string) => `printf "%2000s" ${what}$i ${where}; ${until(`${what}$i`)}`;
  const script = `for i in 1 2 3; do ${print('o', '')}; ${print('e', '>&2')}; done`;
  const worker = await agent(script, { log: { flushSeconds: 0.1, chunkBytes: 4096 } });
  const job = await send(worker);
  for (const [index, name] of ['o1', 'e1', 'o2', 'e2', 'o3', 'e3'].entries()) {
    const bytes = 2000 * (index + 1);
    await logWhen(job, ({ stdout, stderr }) => stdout.bytes + stderr.bytes === bytes);
    await bench.touch(name);
  }
  await worker.done(1);
  await bench.empty();
  const parts = await Promise.all((['index', 'stdout', 'stderr'] as const).map((one) => part(job, one)));
  const [index, stdout, stderr] = parts as [Buffer, Buffer, Buffer];
  expect(interleaved(index, stdout, stderr).replaceAll(' ', '')).toBe('o1e1o2e2o3e3');
  const times = momentsOf(index).map(([ms]) => ms);
  expect(times).toEqual(times.toSorted());
  expect(Date.now() - (times[0] ?? 0)).toBeLessThan(60_000);
});

test('the last chunk is written before the end of the job is recorded', async () => {
  const { agent, bench, send, part, bucket } = await openLogBench(open);
  const slow = { service: 's3', action: 'PutObject', input: { Bucket: bucket } };
  bench.cloud.faults.add({ ...slow, effect: { kind: 'latency', ms: 4000 } });
  const worker = await agent('head -c 5000 /dev/zero', { leaseSeconds: 15 });
  const job = await send(worker);
  const ended = await eventually('the end', async () => {
    const record = await bench.table.get(job);
    return record?.endedAt !== undefined && record;
  });
  expect((await part(job, 'stdout')).length).toBe(5000);
  // The end of the job is that of its worker.
  expect(Date.parse(ended.endedAt ?? '') - Date.parse(ended.startedAt ?? '')).toBeLessThan(4000);
  await bench.empty();
});

test('each try has its own log', async () => {
  const { agent, bench, send, part, log } = await openLogBench(open);
  const worker = await agent('printf "%5000s" $MAYFLY_ATTEMPT; [ $MAYFLY_ATTEMPT = 2 ] || exit 1');
  const job = await send(worker);
  await worker.done(2);
  await bench.empty();
  for (const attempt of [1, 2]) {
    expect((await part(job, 'stdout', attempt)).toString().trim()).toBe(`${attempt}`);
    expect((await log(job, attempt))?.stdout).toEqual({ bytes: 5000, chunks: 1 });
  }
});

test('a worker that exceeds its limit keeps its log', async () => {
  const { agent, bench, send, log } = await openLogBench(open);
  const worker = await agent('echo before; exec sleep 60', { limitSeconds: 1 });
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  expect((await bench.table.get(job))?.state).toBe('timed_out');
  expect((await log(job))?.stdout.text).toBe('before\n');
});

test('if a try loses its lease, its whole log goes to the bucket, as nobody writes its end to the record', async () => {
  const { agent, bench, send, part } = await openLogBench(open);
  const action = 'ChangeMessageVisibilityBatch';
  const fault = bench.cloud.faults.add({ action, effect: { kind: 'throttle' } });
  const worker = await agent('echo before; exec sleep 60', { leaseSeconds: 6 });
  const job = await send(worker);
  // Of the first try: the message may be received again meanwhile.
  const first = (name: 'stdout' | 'index') =>
    eventually(`the ${name}`, async () => {
      const found = await part(job, name, 1);
      return found.length > 0 && found;
    });
  expect((await first('stdout')).toString()).toBe('before\n');
  expect(momentsOf(await first('index'))).toEqual([[expect.any(Number), 1, 7]]);
  fault.remove();
});

test('without a bucket the record keeps the end of a long log', async () => {
  const { agent, bench, send, log } = await openLogBench(open);
  const worker = await agent('echo start; head -c 5000 /dev/zero | tr "\\0" x', { logBucket: undefined });
  const job = await send(worker);
  await worker.done(1);
  await bench.empty();
  const expected: TryLog = {
    stdout: { bytes: 5006, lost: 5006 },
    stderr: { bytes: 0 },
    tail: 'x'.repeat(4096),
  };
  expect(await log(job)).toEqual(expected);
});

test('a job that is not tracked has no log', async () => {
  const { agent, bench, send, calls } = await openLogBench(open);
  const worker = await agent('head -c 5000 /dev/zero; echo done >> $JOURNAL', { trackJobs: false });
  await send(worker);
  await worker.done(1);
  await bench.empty();
  expect(await bench.journal()).toEqual(['done']);
  expect(await calls()).toEqual([]);
});

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
