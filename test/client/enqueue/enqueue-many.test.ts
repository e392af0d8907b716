import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  type EnqueueManyOptions,
  type Fleet,
  type NewJob,
  NotAllSentError,
  type SentJob,
} from '../../../client/index.ts';
import { readRecords } from '../../../client/job-records.ts';
import type { Call, Input } from '../../../local/front-door/service.ts';
import { bareFleets } from '../../support/bare-fleet.ts';
import { receiveJobs } from '../../support/received.ts';

const open = bareFleets();
const jobs = (count: number): NewJob[] =>
  Array.from({ length: count }, (_, index) => ({ body: `job ${index + 1}` }));
const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** Ids of the messages on the queue, each once, by their numbers. */
async function onQueue(fleet: Fleet): Promise<string[]> {
  const ids = new Set((await receiveJobs(fleet)).map(({ id }) => id));
  return [...ids].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** A run that fails, with everything that it reported. */
async function failed(
  fleet: Fleet,
  input: Parameters<Fleet['enqueueMany']>[0],
  options: EnqueueManyOptions = {},
) {
  const told: SentJob[] = [];
  const onSent = (sent: readonly SentJob[]) => void told.push(...sent);
  const error = await fleet.enqueueMany(input, { ...options, onSent }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(NotAllSentError);
  return { error: error as NotAllSentError, told, sent: (error as NotAllSentError).sent };
}

/** Matches the batch of messages that contains a body. */
const has = (body: string) => (input: Input, call: Call) =>
  call.action === 'SendMessageBatch' && JSON.stringify(input).includes(`\\"${body}\\"`);

describe('many jobs', () => {
  it('are enqueued and reported in order, each with a record', async () => {
    const { fleet } = await open();
    const told: SentJob[] = [];
    const result = await fleet.enqueueMany(jobs(612), {
      seed: 'run1',
      onSent: (sent) => void told.push(...sent),
    });
    const ids = numbersTo(612).map((number) => `j-run1-${number}`);
    expect(result).toEqual({ seed: 'run1', count: 612, deduplicated: 0, ids });
    expect(told).toEqual(ids.map((id, index) => ({ number: index + 1, id, deduplicated: false })));
    expect(await onQueue(fleet)).toEqual(ids);
    const views = await fleet.status(ids);
    expect(views.every(({ state }) => state === 'queued')).toBe(true);
  });

  it('take few calls: 25 records each, 10 messages each', async () => {
    const { fleet, cloud } = await open();
    const calls: string[] = [];
    // The services of the embedded cloud call each other once a minute.
    const stop = cloud.onCall(({ action, caller }) => caller !== 'cloud' && calls.push(action));
    await fleet.enqueueMany(jobs(500));
    stop();
    const count = (action: string) => calls.filter((name) => name === action).length;
    expect({
      records: count('BatchWriteItem'),
      messages: count('SendMessageBatch'),
      all: calls.length,
    }).toEqual({
      records: 20,
      messages: 50,
      // The first call is for AWS's time: the fleet was found without a call.
      all: 71,
    });
  });

  it('are sent in batches of at most 1 MiB, and longer bodies through the bucket', async () => {
    const { fleet } = await open();
    const body = 'x'.repeat(300_000);
    const long = 'y'.repeat(1_100_000);
    const { ids } = await fleet.enqueueMany([...Array.from({ length: 7 }, () => ({ body })), { body: long }]);
    const there = await receiveJobs(fleet);
    expect(there.map(({ id }) => id).sort()).toEqual(ids.toSorted());
    expect(there.filter(({ stdin }) => stdin === body)).toHaveLength(7);
    const [last] = await readRecords(fleet.context, ids.slice(-1)).then((found) => [...found.values()]);
    expect(last).toMatchObject({ state: 'queued', bodyKey: `bodies/${ids.at(-1)}` });
  });

  it('have their own options', async () => {
    const { fleet } = await open();
    const options = { limitSeconds: 7, requestId: 'r-1' };
    const { ids } = await fleet.enqueueMany([
      { body: { a: 1 }, ...options, label: 'web' },
      { body: 'b' },
      { body: 'c', delaySeconds: 9 },
    ]);
    expect(await receiveJobs(fleet)).toEqual([
      { id: ids[0], stdin: '{"a":1}', ...options },
      { id: ids[1], stdin: 'b', argument: 'b' },
    ]);
    expect((await fleet.status(ids)).map(({ label }) => label)).toEqual(['web', undefined, undefined]);
  });

  it('with equal dedupe keys are one job, in one run and across runs', async () => {
    const { fleet } = await open();
    const twice = await fleet.enqueueMany([
      { body: 'a', dedupe: 'k1' },
      { body: 'b' },
      { body: 'a', dedupe: 'k1' },
    ]);
    expect(twice).toMatchObject({ count: 3, deduplicated: 1 });
    expect(twice.ids[0]).toBe(twice.ids[2]);
    const { id, deduplicated } = await fleet.enqueue('a', { dedupe: 'k1' });
    expect({ id, deduplicated }).toEqual({ id: twice.ids[0], deduplicated: true });
    expect(await onQueue(fleet)).toHaveLength(2);
  });

  it('can be none', async () => {
    const { fleet } = await open();
    expect(await fleet.enqueueMany([])).toMatchObject({ count: 0, ids: [] });
  });
});

describe('a slow or unlimited input', () => {
  it('is read only as fast as it is sent, and is not kept in memory', async () => {
    const { fleet } = await open();
    let given = 0;
    let sent = 0;
    let ahead = 0;
    async function* input(): AsyncGenerator<NewJob> {
      for (; given < 1500; given += 1) {
        ahead = Math.max(ahead, given - sent);
        yield { body: `job ${given}` };
      }
    }
    const onSent = (jobs: readonly SentJob[]) => {
      sent += jobs.length;
    };
    const { ids, count } = await fleet.enqueueMany(input(), { onSent, keepIds: false });
    expect({ count, ids }).toEqual({ count: 1500, ids: [] });
    expect(ahead).toBeLessThan(700);
  });

  it('waits for onSent', async () => {
    const { fleet } = await open();
    let given = 0;
    function* input(): Generator<NewJob> {
      for (; given < 1500; given += 1) yield { body: 'x' };
    }
    const release = Promise.withResolvers<void>();
    const run = fleet.enqueueMany(input(), { onSent: () => release.promise });
    await delay(300);
    expect(given).toBeLessThan(800);
    release.resolve();
    expect(await run).toMatchObject({ count: 1500 });
  });

  it('is sent as it comes', async () => {
    const { fleet } = await open();
    const more = Promise.withResolvers<void>();
    async function* input(): AsyncGenerator<NewJob> {
      yield { body: 'first' };
      await more.promise;
      yield { body: 'second' };
    }
    const told: number[] = [];
    const run = fleet.enqueueMany(input(), {
      onSent: (sent) => {
        for (const { number } of sent) told.push(number);
        more.resolve();
      },
    });
    expect(await run).toMatchObject({ count: 2 });
    expect(told).toEqual([1, 2]);
  });

  it('that throws has sent what came before', async () => {
    const { fleet } = await open();
    async function* input(): AsyncGenerator<NewJob> {
      yield* jobs(3);
      throw new Error('the disk is gone');
    }
    const { error, sent } = await failed(fleet, input(), { seed: 'broken' });
    expect(sent).toEqual({ seed: 'broken', through: 3, also: [], unknown: [], read: 3 });
    expect(error.message).toBe(
      'Not all jobs were enqueued. Jobs up to number 3 were sent. the disk is gone To send the rest, run it ' +
        'again with the seed broken and `resumed`.',
    );
    expect(await onQueue(fleet)).toEqual(['j-broken-1', 'j-broken-2', 'j-broken-3']);
  });

  it('can be aborted, also while nothing comes', async () => {
    const { fleet } = await open();
    const stop = new AbortController();
    async function* input(): AsyncGenerator<NewJob> {
      yield* jobs(2);
      await new Promise(() => {});
    }
    const onSent = () => stop.abort(new Error('interrupted'));
    const error = await fleet
      .enqueueMany(input(), { signal: stop.signal, onSent })
      .catch((error: unknown) => error);
    expect(error).toMatchObject({
      name: NotAllSentError.name,
      cause: { message: 'interrupted' },
      sent: { through: 2 },
    });
  });

  it.each<[string, NewJob, string]>([
    [
      'an invalid body',
      { body: 'ab\ud800' },
      'The body is not valid Unicode: it has a lone surrogate at position 2.',
    ],
    [
      'an unknown option',
      { body: 'a', ...({ limitSecond: 5 } as object) },
      '`enqueueMany (of a job)` has no option "limitSecond"; it has body, limitSeconds, delaySeconds, dedupe, label, requestId, group, target.',
    ],
  ])('ends at a job with %s', async (_, job, sentence) => {
    const { fleet } = await open();
    const bad = [...jobs(4), job, ...jobs(1)];
    const { error, sent } = await failed(fleet, bad);
    expect(sent).toMatchObject({ through: 4, also: [], unknown: [] });
    expect(error.message).toContain(sentence);
    expect(await onQueue(fleet)).toHaveLength(4);
  });
});

describe('a run that fails reports which jobs were sent', () => {
  it('if single messages of a batch are refused', async () => {
    const { fleet, cloud } = await open();
    // In its batch, and then alone.
    const refused = { service: 'sqs', when: has('job 33') };
    cloud.faults.add({ ...refused, times: 1, effect: { kind: 'partial', entries: [2] } });
    cloud.faults.add({ ...refused, effect: { kind: 'partial', entries: [0] } });
    const { sent, told, error } = await failed(fleet, jobs(50), { seed: 'p' });
    expect(sent).toEqual({ seed: 'p', through: 32, also: numbersTo(50).slice(33), unknown: [], read: 50 });
    expect(told.map(({ number }) => number)).toEqual(numbersTo(50).filter((number) => number !== 33));
    expect(error.message).toContain('Jobs up to number 32 were sent, and 17 of those after it.');
    expect(await onQueue(fleet)).toEqual(told.map(({ id }) => id));
  });

  it('but goes on if they are refused only a few times', async () => {
    const { fleet, cloud } = await open();
    const fault = cloud.faults.add({
      service: 'sqs',
      action: 'SendMessageBatch',
      times: 3,
      effect: { kind: 'partial', entries: [0, 1, 9] },
    });
    expect(await fleet.enqueueMany(jobs(30))).toMatchObject({ count: 30 });
    expect(fault.timesApplied).toBe(3);
    expect(await onQueue(fleet)).toHaveLength(30);
  });

  it('if a call got no answer: its jobs may have been sent', async () => {
    const { fleet, cloud } = await open();
    cloud.faults.add({ service: 'sqs', when: has('job 15'), effect: { kind: 'reset', applied: true } });
    const { sent, told, error } = await failed(fleet, jobs(40));
    expect(sent).toMatchObject({
      through: 10,
      also: numbersTo(40).slice(20),
      unknown: numbersTo(20).slice(10),
    });
    expect(told.map(({ number }) => number)).toEqual([...numbersTo(10), ...numbersTo(40).slice(20)]);
    expect(error.message).toContain('; 10 may have been sent. No answer from');
  });

  it('if the queue is gone: none, and the rest of the input is not read', async () => {
    const { fleet, cloud } = await open();
    cloud.faults.add({
      service: 'sqs',
      effect: { kind: 'error', code: 'AWS.SimpleQueueService.NonExistentQueue', status: 400 },
    });
    let given = 0;
    function* input(): Generator<NewJob> {
      for (; given < 10_000; given += 1) yield { body: 'x' };
    }
    const { sent, error } = await failed(fleet, input());
    expect(sent).toMatchObject({ through: 0, also: [], unknown: [] });
    expect(sent.read).toBeLessThan(800);
    expect(given).toBeLessThan(800);
    expect(error.message).toMatch(/^Not all jobs were enqueued. None was sent. The queue .* is gone/);
  });

  it('if the table takes no records: no message is sent without one', async () => {
    const { fleet, cloud } = await open();
    cloud.faults.add({
      service: 'dynamodb',
      effect: { kind: 'error', code: 'AccessDeniedException', message: 'no', status: 400 },
    });
    const { sent } = await failed(fleet, jobs(120));
    expect(sent).toMatchObject({ through: 0, also: [], unknown: [], read: 120 });
    cloud.faults.clear();
    expect(await receiveJobs(fleet)).toEqual([]);
  });
});

describe('a second run sends the rest', () => {
  it('with the same ids, and no job twice', async () => {
    const { fleet, cloud, record } = await open();
    cloud.faults.add({ service: 'sqs', when: has('job 55'), effect: { kind: 'reset', applied: true } });
    const { sent } = await failed(fleet, jobs(80), { seed: 'again' });
    cloud.faults.clear();
    const first = await onQueue(fleet);
    // One of the jobs that may have been sent has been done meanwhile.
    const done = { state: 'succeeded', endedAt: new Date().toISOString(), exitStatus: 0 } as const;
    await record({ id: 'j-again-55', ...done });
    const wasSent = new Set([...numbersTo(sent.through), ...sent.also]);
    const told: number[] = [];
    const result = await fleet.enqueueMany(jobs(80), {
      seed: 'again',
      resumed: true,
      skip: (number) => wasSent.has(number),
      onSent: (jobs) => void told.push(...jobs.map(({ number }) => number)),
    });
    expect(told).toEqual(sent.unknown);
    expect(result).toMatchObject({ count: 10, ids: sent.unknown.map((number) => `j-again-${number}`) });
    const second = await onQueue(fleet);
    expect(new Set([...first, ...second]).size).toBe(80);
    expect(second).not.toContain('j-again-55');
    expect(await fleet.status('j-again-55')).toMatchObject(done);
  });

  it('also if only the seed of the first is known', async () => {
    const { fleet, record } = await open();
    await fleet.enqueueMany(jobs(30), { seed: 'bare' });
    await receiveJobs(fleet);
    await record({ id: 'j-bare-7', state: 'running', instance: 'i-1', startedAt: new Date().toISOString() });
    expect(await fleet.enqueueMany(jobs(60), { seed: 'bare', resumed: true })).toMatchObject({ count: 60 });
    const again = await onQueue(fleet);
    expect(again).toEqual(
      numbersTo(60)
        .filter((n) => n !== 7)
        .map((n) => `j-bare-${n}`),
    );
    expect(await fleet.status('j-bare-7')).toMatchObject({ state: 'running', instance: 'i-1' });
  });

  it('a seed has letters and digits', async () => {
    const { fleet } = await open();
    await expect(fleet.enqueueMany(jobs(1), { seed: 'a b' })).rejects.toThrow('The seed a b is not valid');
  });
});
