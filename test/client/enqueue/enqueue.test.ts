import { GetObjectCommand } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BadBodyError,
  Fleet,
  type FleetContext,
  NotTrackedError,
  StoreGoneError,
  ThrottledError,
  WrongOptionError,
} from '../../../client/index.ts';
import { bareFleets } from '../../support/bare-fleet.ts';
import { receiveJobs } from '../../support/received.ts';

const open = bareFleets();
const MIB = 1_048_576;

/** The same fleet with other facts. */
function withFacts({ context }: Fleet, facts: Partial<FleetContext['facts']>): Fleet {
  return new Fleet({ ...context, facts: { ...context.facts, ...facts } });
}

describe('a job that is enqueued', () => {
  it('has a record when its id is returned, and a message with the same content', async () => {
    const { fleet } = await open();
    const options = { limitSeconds: 5, requestId: 'r-1' };
    const { id, deduplicated, state } = await fleet.enqueue('42', { ...options, label: 'web' });
    expect({ deduplicated, state }).toEqual({ deduplicated: false, state: 'queued' });
    expect(id).toMatch(/^j-[a-z0-9]{12}$/);
    expect(await fleet.status(id)).toMatchObject({
      ...{ id, state: 'queued', attempts: 0, label: 'web' },
      ...options,
    });
    expect(await receiveJobs(fleet)).toEqual([{ id, stdin: '42', argument: '42', ...options }]);
  });

  it('has an id that is never read as a number', async () => {
    const { fleet } = await open();
    const { ids } = await fleet.enqueueMany(Array.from({ length: 50 }, () => ({ body: 'x' })));
    expect(ids.every((id) => /^[a-z]-/.test(id) && Number.isNaN(Number(id)))).toBe(true);
    expect(new Set(ids).size).toBe(50);
  });

  it('has a record that is kept as long as its message can exist, and then as long as records are', async () => {
    const { fleet } = await open();
    const beforeMs = Date.now();
    const { id } = await fleet.enqueue('42');
    const { expiresAt = '' } = await fleet.status(id);
    const days = (Date.parse(expiresAt) - beforeMs) / 86_400_000;
    expect(days).toBeCloseTo(28, 1);
  });

  it('does not start before its delay has passed', async () => {
    const { fleet } = await open();
    await fleet.enqueue('42', { delaySeconds: 900 });
    await fleet.enqueue('43', { delaySeconds: 0 });
    expect((await receiveJobs(fleet)).map(({ stdin }) => stdin)).toEqual(['43']);
  });

  it('that cannot be sent leaves no record behind', async () => {
    const { fleet, cloud } = await open();
    cloud.faults.add({
      service: 'sqs',
      effect: { kind: 'error', code: 'AWS.SimpleQueueService.NonExistentQueue', status: 400 },
    });
    await expect(fleet.enqueue('42', { label: 'nobody' })).rejects.toThrow(StoreGoneError);
    expect(await fleet.list({ label: 'nobody' })).toEqual([]);
  });
});

describe('its body', () => {
  const bodies: [what: string, body: Parameters<Fleet['enqueue']>[0], stdin: string][] = [
    ['text is as it is', 'two\r\nlines\n', 'two\r\nlines\n'],
    ['no text is one too', '', ''],
    ['UTF-8 is text', Buffer.from('Grüße 🎈'), 'Grüße 🎈'],
    ['a byte order mark stays', Uint8Array.from([0xef, 0xbb, 0xbf, 0x61]), '\ufeffa'],
    [
      'what SQS refuses in a message reaches the worker',
      'a\0b\u0001\u001b[31m\ufffe\uffff',
      'a\0b\u0001\u001b[31m\ufffe\uffff',
    ],
    ['text that is JSON stays text', '{"mayfly": 9, "a":1 }', '{"mayfly": 9, "a":1 }'],
    ['an object is JSON', { video: 7, tags: ['a', null] }, '{"video":7,"tags":["a",null]}'],
    ['a list, a number and nothing are JSON', [1, 'a'], '[1,"a"]'],
    ['a number', 42, '42'],
    ['nothing', null, 'null'],
  ];
  it.each(bodies)('%s', async (_, body, stdin) => {
    const { fleet } = await open();
    const { id } = await fleet.enqueue(body);
    expect(await receiveJobs(fleet)).toMatchObject([{ id, stdin }]);
  });

  it('reaches the worker unchanged, whatever text it is', async () => {
    const { fleet } = await open();
    const texts = fc.sample(fc.string({ unit: 'grapheme', maxLength: 40 }), 40);
    await fleet.enqueueMany(texts.map((body) => ({ body })));
    expect((await receiveJobs(fleet)).map(({ stdin }) => stdin).sort()).toEqual(texts.toSorted());
  });

  it('goes through the bucket if its message would be even a little too long', async () => {
    const { fleet } = await open();
    const { queueUrl } = fleet.facts;
    // Each line break is two bytes of JSON.
    const long = `${'x'.repeat(MIB / 2)}${'\n'.repeat(MIB / 4)}`;
    const { id } = await fleet.enqueue(long);
    const { Messages: [message] = [] } = await fleet.context.clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl }),
    );
    expect(JSON.parse(message?.Body ?? '')).toEqual({ mayfly: 1, id, bodyKey: `bodies/${id}` });
    const object = { Bucket: fleet.facts.logBucket, Key: `bodies/${id}` };
    const { Body } = await fleet.context.clients.s3.send(new GetObjectCommand(object));
    expect((await Body?.transformToString()) === long).toBe(true);
  });

  it('is in the message as long as it fits', async () => {
    const { fleet, cloud } = await open();
    cloud.faults.add({ service: 's3', effect: { kind: 'error', code: 'InternalError', status: 500 } });
    const overhead = JSON.stringify({ mayfly: 1, id: 'j-123456789012', payload: '' }).length;
    // Attributes count too ("Amazon SQS message quotas"): their names, types and values.
    const attributes = 'MayflyNonce'.length + 'String'.length + 22;
    const body = 'x'.repeat(MIB - overhead - attributes);
    const { id } = await fleet.enqueue(body);
    expect(await receiveJobs(fleet)).toEqual([{ id, stdin: body }]);
    const [job] = await fleet.list({ limit: 1 });
    expect(job?.id).toBe(id);
  });

  const refused: [what: string, body: unknown, sentence: string][] = [
    ['that is not UTF-8', Uint8Array.from([0x61, 0xff, 0x62]), 'The body is not UTF-8: byte 1 is 0xff.'],
    ['that ends in mid-character', Buffer.from('é').subarray(0, 1), 'The body is not UTF-8: byte 0 is 0xc3.'],
    [
      'with a lone surrogate',
      'ab\ud800',
      'The body is not valid Unicode: it has a lone surrogate at position 2.',
    ],
    [
      'that is undefined',
      undefined,
      'The body is of type undefined; allowed are text, UTF-8 bytes and JSON values.',
    ],
    [
      'that JSON cannot say',
      { at: 1n },
      'The body cannot be written as JSON: Do not know how to serialize a BigInt.',
    ],
    [
      'that is too long',
      'x'.repeat(64 * MIB + 1),
      'The body has 67108865 bytes; at most 67108864 are allowed.',
    ],
  ];
  it.each(refused)('%s is refused before anything is sent', async (_, body, sentence) => {
    const { fleet, cloud } = await open();
    let calls = 0;
    const stop = cloud.onCall(() => {
      calls += 1;
    });
    const error = await fleet.enqueue(body as string).catch((error: Error) => error);
    stop();
    expect(error).toBeInstanceOf(BadBodyError);
    expect((error as Error).message).toContain(sentence);
    expect(calls).toBe(0);
  });
});

describe('options out of bounds are refused', () => {
  it.each([
    [{ delaySeconds: 901 }, "The job's delay is 901 s; SQS takes whole seconds from 0 to 900."],
    [{ delaySeconds: 1.5 }, "The job's delay is 1.5 s; SQS takes whole seconds from 0 to 900."],
    [{ delaySeconds: -1 }, "The job's delay is -1 s"],
    [{ limitSeconds: 0.5 }, "The job's time limit is 0.5 s; allowed are 1 to 43190 s"],
    [{ limitSeconds: 43_191 }, "The job's time limit is 43191 s; allowed are 1 to 43190 s"],
    [{ limitSeconds: Number.NaN }, "The job's time limit is NaN s"],
    [
      { label: 'two words' },
      'The job was not enqueued: the label is "two words"; allowed is a label that begins',
    ],
    [
      { group: 'two words' },
      'The job was not enqueued: the envelope\'s group is "two words"; allowed is a group',
    ],
    [{ target: 's1' }, 'The job was not enqueued: the job has a target but no group'],
    [{ group: 'web', target: 'two words' }, 'The job was not enqueued: the target is "two words"'],
    [{ group: 'web', delaySeconds: 5 }, 'A job with a group cannot have a delay'],
    [{ requestId: '1' }, 'The job was not enqueued: the envelope\'s requestId is "1"'],
    [{ dedupe: '' }, 'The dedupe key is empty'],
  ])('%j', async (options, sentence) => {
    const { fleet } = await open();
    const error = await fleet.enqueue('42', options).catch((error: Error) => error);
    expect(error).toBeInstanceOf(WrongOptionError);
    expect((error as Error).message).toContain(sentence);
    expect(await receiveJobs(fleet)).toEqual([]);
  });
});

describe("a limit beyond the fleet's maxLimit", () => {
  it('is refused by every verb before anything is sent, with the number', async () => {
    const { fleet, record } = await open();
    const strict = withFacts(fleet, { maxLimitSeconds: 600 });
    const sentence = "The job's time limit is 601 s; fleet group allows 1 to 600 s (its prop maxLimit).";
    await expect(strict.enqueue('x', { limitSeconds: 601 })).rejects.toThrow(sentence);
    await expect(strict.enqueueMany([{ body: 'x', limitSeconds: 601 }])).rejects.toThrow(sentence);
    await record({ id: 'j-long', state: 'failed', body: 'x', limitSeconds: 601 });
    await expect(strict.retry('j-long')).rejects.toThrow(sentence);
    expect(await receiveJobs(fleet)).toEqual([]);
    expect(await strict.enqueue('x', { limitSeconds: 600 })).toMatchObject({ state: 'queued' });
  });
});

describe('jobs with one dedupe key', () => {
  it('are one job: the second is not enqueued once the first was received', async () => {
    const { fleet, record } = await open();
    const first = await fleet.enqueue('42', { dedupe: 'order 7' });
    expect(first).toMatchObject({
      deduplicated: false,
      state: 'queued',
      id: expect.stringMatching(/^d-[a-z2-7]{24}$/),
    });
    await receiveJobs(fleet);
    await record({ id: first.id, state: 'running', instance: 'i-1', startedAt: new Date().toISOString() });
    const second = await fleet.enqueue('43', { dedupe: 'order 7' });
    expect(second).toEqual({ id: first.id, deduplicated: true, state: 'running' });
    await record({ id: first.id, state: 'failed', endedAt: new Date().toISOString() });
    expect(await fleet.enqueue('42', { dedupe: 'order 7' })).toMatchObject({
      state: 'failed',
      deduplicated: true,
    });
    expect(await receiveJobs(fleet)).toEqual([]);
  });

  it('are sent again if the first sender may have failed before its message was sent', async () => {
    const { fleet, cloud } = await open();
    cloud.faults.add({ service: 'sqs', effect: { kind: 'throttle' } });
    await expect(fleet.enqueue('x', { dedupe: 'lost' })).rejects.toThrow(ThrottledError);
    cloud.faults.clear();
    const { id, ...again } = await fleet.enqueue('x', { dedupe: 'lost' });
    expect(again).toEqual({ deduplicated: true, state: 'queued' });
    expect((await receiveJobs(fleet)).map((job) => job.id)).toEqual([id]);
  });

  it('are one job, however many are enqueued at once', async () => {
    const { fleet } = await open();
    const all = await Promise.all(
      Array.from({ length: 12 }, () => fleet.enqueue('x', { dedupe: 'at once' })),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
    expect(new Set((await receiveJobs(fleet)).map(({ id }) => id)).size).toBe(1);
  });

  it('are a new job when the first was lost', async () => {
    const { fleet, record } = await open();
    const { id } = await fleet.enqueue('x', { dedupe: 'old' });
    await receiveJobs(fleet);
    await record({ id, state: 'queued', attempts: 0, enqueuedAt: '2020-01-01T00:00:00.000Z' });
    expect(await fleet.enqueue('x', { dedupe: 'old' })).toEqual({ id, deduplicated: false, state: 'queued' });
    expect(await fleet.status(id)).toMatchObject({ state: 'queued' });
  });
});

describe('a fleet without records of jobs', () => {
  it('accepts jobs without options', async () => {
    const { fleet, cloud } = await open();
    let tables = 0;
    const stop = cloud.onCall(({ service }) => {
      if (service === 'dynamodb') tables += 1;
    });
    const untracked = withFacts(fleet, { trackJobs: false });
    const { id } = await untracked.enqueue('42', { limitSeconds: 5 });
    const { ids } = await untracked.enqueueMany([{ body: '43' }]);
    stop();
    const jobs = await receiveJobs(fleet);
    expect(jobs.map((job) => job.id).sort()).toEqual([id, ...ids].sort());
    expect(tables).toBe(0);
  });

  it('refuses questions about them, and says why', async () => {
    const { fleet } = await open();
    const untracked = withFacts(fleet, { trackJobs: false });
    const asked: Promise<unknown>[] = [
      untracked.status('j-1'),
      untracked.wait(['j-1']),
      untracked.list(),
      untracked.cancel(['j-1']),
      untracked.retry('j-1'),
      untracked.cleanup(['j-1']),
      untracked.cleanupEnded({ before: new Date() }),
      untracked.enqueue('42', { dedupe: 'key' }),
      untracked.enqueue('42', { label: 'l' }),
    ];
    for (const error of await Promise.all(asked.map((one) => one.catch((error: Error) => error)))) {
      expect(error).toBeInstanceOf(NotTrackedError);
      expect((error as Error).message).toContain(
        'Fleet group keeps no records of jobs (its prop trackJobs is false)',
      );
    }
  });
});

describe('an error of AWS becomes a sentence', () => {
  it('a throttled table', async () => {
    const { fleet, cloud } = await open();
    cloud.faults.add({ service: 'dynamodb', effect: { kind: 'throttle' } });
    await expect(fleet.enqueue('42')).rejects.toThrow(ThrottledError);
    await expect(fleet.status('j-1')).rejects.toThrow('AWS throttles calls to the table jobs of fleet group');
  });

  it('a table that is gone', async () => {
    const { fleet } = await open();
    const gone = withFacts(fleet, { table: 'deleted' });
    await expect(gone.enqueue('42')).rejects.toThrow(StoreGoneError);
    await expect(gone.status('j-1')).rejects.toThrow(
      'The table deleted of fleet group is gone, or not in region us-east-1',
    );
  });

  it('a queue that is gone', async () => {
    const { fleet } = await open();
    const gone = withFacts(fleet, { queueUrl: fleet.facts.queueUrl.replace(/\/q\d+$/, '/gone') });
    await expect(gone.enqueue('42')).rejects.toThrow(/^The queue .*\/gone of fleet group is gone/);
  });

  it('a bucket that is gone, for a body that has to go there', async () => {
    const { fleet } = await open();
    const gone = withFacts(fleet, { logBucket: 'deleted' });
    await expect(gone.enqueue('x'.repeat(MIB))).rejects.toThrow(
      /^The log bucket deleted of fleet group is gone/,
    );
    await expect(gone.enqueue('x')).resolves.toMatchObject({ state: 'queued' });
  });
});
