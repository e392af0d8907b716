import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { createBodyStore } from '../../../store/body-store.ts';
import { JobIndex } from '../../../store/job-index.ts';
import { eventually } from '../../support/eventually.ts';
import { type LogBench, openLogBench } from '../../support/log-bench.ts';
import { testQueues } from '../../support/test-queue.ts';

const open = testQueues();

const envelope = (id: string, more = {}) =>
  JSON.stringify({ mayfly: 1, id, bodyKey: `bodies/${id}`, ...more });
const storeOf = ({ bench, bucket }: LogBench) => createBodyStore(bench.clients.s3, bucket);

/** A job that failed: a dead letter of a job in another state is refused. */
async function failed({ bench }: LogBench, id: string): Promise<void> {
  const nowMs = Date.now();
  const lease = { nowMs, leaseUntilMs: nowMs + 60_000, enqueuedAtMs: nowMs };
  await bench.table.claim({ id, messageId: 'first', instance: 'i-other', fence: 'f', ...lease });
  await bench.table.finish(id, 'f', 'failed', { endedAtMs: nowMs, refund: 0 });
}

/** The record that `mayfly` writes before the message of a job whose body is in the bucket. */
async function recorded({ bench }: LogBench, id: string): Promise<void> {
  const enqueuedAt = new Date().toISOString();
  const record = { pk: `job#${id}`, id, state: 'queued', attempts: 0, enqueuedAt } as const;
  await new JobIndex(bench.clients.dynamodb, 'jobs').createOnce(record);
}

async function reasonOf({ bench }: LogBench): Promise<string | undefined> {
  const [letter] = await bench.deadLetters();
  return letter?.MessageAttributes?.['MayflyReason']?.StringValue;
}

test('a body in the bucket reaches the worker unchanged, with the limits of its envelope', async () => {
  const bed = await openLogBench(open);
  const { bench, agent } = bed;
  const body = `{"job_id": "v-1", "text": "${'ä\u{1F680} '.repeat(500_000)}"}`;
  await storeOf(bed).put('j-1', body);
  const worker = await agent('cat > received; echo "$1 $MAYFLY_LABEL" >> $JOURNAL');
  await recorded(bed, 'j-1');
  await bench.send(envelope('j-1', { label: 'l-1' }));
  worker.work.resume();
  await worker.done(1);
  await bench.empty();
  expect((await readFile(join(bench.directory, 'received'), 'utf8')) === body).toBe(true);
  expect(await bench.journal()).toEqual(['v-1 l-1']);
});

test('a dead letter that SQS redrives has the body of the job that it repeats, and then its own copy', async () => {
  const bed = await openLogBench(open);
  const { bench, agent } = bed;
  await storeOf(bed).put('j-0', 'hello');
  await failed(bed, 'j-0');
  const worker = await agent('cat >> $JOURNAL; echo >> $JOURNAL');
  const dead = { MayflyJobId: { DataType: 'String', StringValue: 'j-0' } };
  const id = `m-${await bench.send(envelope('j-0'), dead)}`;
  worker.work.resume();
  await bench.empty();
  expect(await bench.journal()).toEqual(['hello']);
  expect(await storeOf(bed).get(id)).toBe('hello');
  expect(await bench.table.get(id)).toMatchObject({ bodyKey: `bodies/${id}`, retryOf: 'j-0' });
});

test('a redriven job that is tried again does not need the other job any more', async () => {
  const bed = await openLogBench(open);
  const { bench, agent } = bed;
  await storeOf(bed).put('j-gone', 'hello');
  await failed(bed, 'j-gone');
  const script =
    'cat >> $JOURNAL; echo >> $JOURNAL; until [ -e $DIRECTORY/removed ]; do sleep 0.05; done; [ $MAYFLY_ATTEMPT = 2 ]';
  const worker = await agent(script);
  const dead = { MayflyJobId: { DataType: 'String', StringValue: 'j-gone' } };
  const id = `m-${await bench.send(envelope('j-gone'), dead)}`;
  worker.work.resume();
  await eventually('its first run', async () => (await bench.journal()).length === 1);
  await bench.clients.s3.send(new DeleteObjectCommand({ Bucket: bed.bucket, Key: 'bodies/j-gone' }));
  await bench.touch('removed');
  await bench.empty();
  expect(await bench.journal()).toEqual(['hello', 'hello']);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded' });
});

test('a job whose body is missing can never run: it is dead-lettered, with the reason', async () => {
  const bed = await openLogBench(open);
  const { bench, agent, bucket } = bed;
  const worker = await agent('echo ran >> $JOURNAL');
  await recorded(bed, 'j-2');
  await bench.send(envelope('j-2'));
  worker.work.resume();
  await bench.empty();
  expect(await reasonOf(bed)).toBe(
    `the body of job j-2 is not there: the bucket ${bucket} has no object bodies/j-2`,
  );
  expect(await bench.table.get('j-2')).toMatchObject({ state: 'failed', attempts: 0 });
  expect(await bench.journal()).toEqual([]);
});

test('a job whose body is in a bucket that this fleet does not have can never run here', async () => {
  const bed = await openLogBench(open);
  const { bench, agent } = bed;
  const worker = await agent('echo ran >> $JOURNAL', { logBucket: undefined });
  await recorded(bed, 'j-3');
  await bench.send(envelope('j-3'));
  worker.work.resume();
  await bench.empty();
  expect(await reasonOf(bed)).toBe('its body is bodies/j-3 of the log bucket, but this fleet has none');
  expect(await bench.journal()).toEqual([]);
});

test.each([
  ['denied', 'AccessDenied', 403],
  ['gone', 'NoSuchBucket', 404],
])('while the bucket is %s a job is requeued, and it costs no attempt', async (_, code, status) => {
  const bed = await openLogBench(open);
  const { bench, agent } = bed;
  const id = `j-${code.toLowerCase()}`;
  await storeOf(bed).put(id, 'hello');
  const effect = { kind: 'error', code, status } as const;
  const fault = bench.cloud.faults.add({ service: 's3', action: 'GetObject', effect });
  const worker = await agent('cat >> $JOURNAL');
  await recorded(bed, id);
  await bench.send(envelope(id));
  worker.work.resume();
  await eventually('the job to be requeued', async () => {
    const record = await bench.table.get(id);
    return (
      record?.state === 'queued' && record.reason?.includes(`its body bodies/${id} could not be fetched`)
    );
  });
  fault.remove();
  await worker.done(1);
  await bench.empty();
  expect(await bench.journal()).toEqual(['hello']);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
});

test('a bucket that fails for a while is asked again, and the lease is extended meanwhile', async () => {
  const bed = await openLogBench(open);
  const { bench, agent } = bed;
  await storeOf(bed).put('j-4', 'hello');
  const effect = { kind: 'throttle' } as const;
  const fault = bench.cloud.faults.add({ service: 's3', action: 'GetObject', effect });
  const worker = await agent('cat >> $JOURNAL', { leaseSeconds: 6 });
  await recorded(bed, 'j-4');
  await bench.send(envelope('j-4'));
  worker.work.resume();
  const { fence, leaseUntilMs = Infinity } = await eventually('the claim', async () => {
    const record = await bench.table.get('j-4');
    return record?.state === 'running' && record;
  });
  await eventually('the first lease to be over', () => Date.now() > leaseUntilMs);
  const later = await bench.table.get('j-4');
  expect(later).toMatchObject({ state: 'running', fence });
  expect(later?.leaseUntilMs).toBeGreaterThan(leaseUntilMs);
  fault.remove();
  await worker.done(1);
  await bench.empty();
  expect(await bench.journal()).toEqual(['hello']);
  expect(await bench.table.get('j-4')).toMatchObject({ state: 'succeeded', attempts: 1 });
});

test.each([
  ['long', 'ä'.repeat(513), true],
  ['short', 'ä'.repeat(512), false],
])('the %s body of a dead-lettered job is kept where a retry finds it', async (_, body, inBucket) => {
  const bed = await openLogBench(open);
  const { agent, bench, send, keys } = bed;
  const worker = await agent('exit 65');
  const job = await send(worker, body);
  await worker.done(1);
  await bench.empty();
  const record = await bench.table.get(job);
  expect(record?.state).toBe('failed');
  expect([record?.body, record?.bodyKey]).toEqual(
    inBucket ? [undefined, `bodies/${job}`] : [body, undefined],
  );
  expect((await keys()).filter((key) => key.startsWith('bodies/'))).toEqual(
    inBucket ? [`bodies/${job}`] : [],
  );
  if (inBucket) expect(await storeOf(bed).get(job)).toBe(body);
});

test('the long body of a cancelled job is kept too, whether it ran or not', async () => {
  const bed = await openLogBench(open);
  const { agent, bench, send } = bed;
  const catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
  const body = 'x'.repeat(5000);
  const worker = await agent('sleep 60', { cancelSeconds: 0.1 });
  const running = await send(worker, body);
  await worker.busy();
  const queued = await send(worker, `${body}y`);
  await eventually('the worker', async () => (await bench.table.get(running))?.state === 'running');
  await catalogue.createOnce({
    pk: `job#${queued}`,
    id: queued,
    state: 'cancelled',
    attempts: 0,
    endedAt: new Date().toISOString(),
  });
  await catalogue.cancel(running, Date.now(), Math.ceil(Date.now() / 1000) + 1000);
  await bench.empty();
  for (const [job, text] of [
    [running, body],
    [queued, `${body}y`],
  ] as const) {
    expect(await bench.table.get(job)).toMatchObject({ state: 'cancelled', bodyKey: `bodies/${job}` });
    expect(await storeOf(bed).get(job)).toBe(text);
  }
});

test('a body that cannot be kept delays nothing', async () => {
  const bed = await openLogBench(open);
  const { agent, bench, send, bucket } = bed;
  const effect = { kind: 'error', code: 'AccessDenied', status: 403 } as const;
  bench.cloud.faults.add({ service: 's3', input: { Bucket: bucket }, effect });
  const worker = await agent('exit 65');
  const job = await send(worker, 'x'.repeat(5000));
  await worker.done(1);
  await bench.empty();
  expect((await bench.deadLetters())[0]?.Body).toHaveLength(5000);
  expect((await bench.table.get(job))?.bodyKey).toBeUndefined();
  const told = worker.lines.filter(({ msg }) => String(msg).includes('body could not be kept'));
  expect(told).toHaveLength(1);
});

test('a drain whose time is over does not wait for a body, and the job costs no attempt', async () => {
  const bed = await openLogBench(open);
  const { bench, agent } = bed;
  const effect = { kind: 'timeout', applied: false } as const;
  const fault = bench.cloud.faults.add({ service: 's3', action: 'GetObject', effect });
  const worker = await agent('echo ran >> $JOURNAL');
  await recorded(bed, 'j-drained');
  await bench.send(envelope('j-drained'));
  worker.work.resume();
  await eventually('the call', () => fault.timesApplied > 0);
  await worker.work.drain(0);
  expect(await bench.table.get('j-drained')).toMatchObject({ state: 'queued', attempts: 0 });
  expect(await bench.journal()).toEqual([]);
});

test('a drain whose time is over does not wait long for a body to be kept', async () => {
  const bed = await openLogBench(open);
  const { agent, bench, send } = bed;
  const effect = { kind: 'timeout', applied: false } as const;
  const fault = bench.cloud.faults.add({ service: 's3', action: 'PutObject', effect });
  const worker = await agent('exit 65');
  await send(worker, 'x'.repeat(5000));
  await eventually('the body', () => fault.timesApplied > 0);
  const startMs = performance.now();
  await worker.work.drain(0);
  expect(performance.now() - startMs).toBeLessThan(5000);
  expect((await bench.deadLetters())[0]?.Body).toHaveLength(5000);
  expect(await bench.depth()).toEqual({ visible: 0, held: 0 });
});
