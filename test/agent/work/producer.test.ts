import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { findOwner, readOrigin } from '../../../client/dead-letters/origin.ts';
import { parseDeadLetter } from '../../../client/dead-letters/parse.ts';
import { deduplicatedId } from '../../../client/enqueue/ids.ts';
import { Fleet } from '../../../client/fleet.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import { createBodyStore } from '../../../store/body-store.ts';
import { JobIndex } from '../../../store/job-index.ts';
import { fleetsWithAgent } from '../../support/fleet-with-agent.ts';
import type { TestQueue } from '../../support/test-queue.ts';

/** What `sqs:SendMessage` on the fleet's queue alone allows. */
const open = fleetsWithAgent();

/** The worker appends its id and its body to the journal. */
const LOG_RUN = 'echo "$MAYFLY_JOB_ID $(cat)" >> $JOURNAL';

const text = (value: string) => ({ DataType: 'String', StringValue: value });
const envelope = (id: string, more: object) => JSON.stringify({ mayfly: 1, id, ...more });

const notItsBody = (id: string) => `its body is that of job ${id}, with which it was not enqueued`;

/** The job that each dead letter names, and its reason. */
async function deadLetters(bench: TestQueue): Promise<{ job: string; reason: string }[]> {
  return (await bench.deadLetters()).map(({ MessageAttributes = {} }) => ({
    job: MessageAttributes['MayflyJobId']?.StringValue ?? '',
    reason: MessageAttributes['MayflyReason']?.StringValue ?? '',
  }));
}

describe('a producer that may only send messages', () => {
  test('cannot take the id of a dedupe key before its job is enqueued', async () => {
    const { bench, fleet, startAgent } = await open();
    const id = deduplicatedId('order 7');
    const messageId = await bench.send(envelope(id, { payload: 'forged' }));
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.table.get(id)).toBeUndefined();
    expect(await fleet.enqueue('real', { dedupe: 'order 7' })).toMatchObject({ id, deduplicated: false });
    expect(await fleet.wait([id])).toMatchObject([{ state: 'succeeded' }]);
    expect(await bench.journal()).toEqual([`${id} real`]);
    expect(await deadLetters(bench)).toEqual([
      {
        job: `m-${messageId}`,
        reason: `the message names job ${id}, whose id is made of a dedupe key, and no such job was enqueued`,
      },
    ]);
  });

  test("cannot have its body run under another job's id", async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('real', { delaySeconds: 1 });
    // Longer than what a record keeps.
    const messageId = await bench.send(envelope(id, { payload: 'forged'.repeat(1000) }));
    await startAgent(LOG_RUN);
    expect(await fleet.wait([id])).toMatchObject([{ state: 'succeeded', attempts: 1 }]);
    await bench.empty();
    expect(await bench.journal()).toEqual([`${id} real`]);
    expect(await bench.table.get(id)).not.toHaveProperty('bodyKey');
    expect(await deadLetters(bench)).toEqual([
      { job: `m-${messageId}`, reason: `the message is not the one that job ${id} was enqueued with` },
    ]);
  });

  test('cannot take the id of a message that waits for its next try', async () => {
    const { bench, startAgent } = await open();
    const real = `m-${await bench.send('real')}`;
    const forged = await bench.send(envelope(real, { payload: 'forged' }));
    await startAgent(`${LOG_RUN}; [ $MAYFLY_ATTEMPT = 2 ]`);
    await bench.empty();
    expect(await bench.journal()).toEqual([`${real} real`, `${real} real`]);
    expect(await bench.table.get(real)).toMatchObject({ state: 'succeeded' });
    expect(await deadLetters(bench)).toEqual([
      {
        job: `m-${forged}`,
        reason: `the envelope's id is ${real}, which is that of the job of another message`,
      },
    ]);
  });

  test("cannot guess a job's id from those of its batch", async () => {
    const { fleet } = await open();
    const { ids, seed } = await fleet.enqueueMany([{ body: '1' }, { body: '2' }, { body: '3' }]);
    const common = ids.map((id) => id.slice(0, 6));
    expect(new Set(common).size).toBe(3);
    expect(ids.every((id) => /^j-[a-z2-7]{24}$/.test(id) && !id.includes(seed))).toBe(true);
  });

  test('cannot fail a job by a broken envelope with its id', async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('real', { delaySeconds: 1 });
    const broken = await bench.send(envelope(id, { payload: 'x', limitSeconds: 0 }));
    await startAgent(LOG_RUN);
    expect(await fleet.wait([id])).toMatchObject([{ state: 'succeeded', attempts: 1 }]);
    await bench.empty();
    expect(await deadLetters(bench)).toEqual([
      { job: `m-${broken}`, reason: expect.stringContaining("the envelope's limitSeconds is 0") },
    ]);
  });

  test('cannot fail a job that way before its own message comes, although the job has no record', async () => {
    const { bench, startAgent } = await open();
    await bench.send(envelope('order-7', { payload: 'x', limitSeconds: 0 }));
    await startAgent(LOG_RUN);
    await bench.empty();
    await bench.send(envelope('order-7', { payload: 'real' }));
    await bench.empty();
    expect(await bench.journal()).toEqual(['order-7 real']);
  });

  test("cannot have another job's kept body run again", async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('x'.repeat(1_100_000));
    await startAgent('wc -c < /dev/stdin >> $JOURNAL');
    expect(await fleet.wait([id])).toMatchObject([{ state: 'succeeded' }]);
    const body = envelope(id, { bodyKey: `bodies/${id}` });
    const messageId = await bench.send(body, { MayflyJobId: text(id) });
    await bench.empty();
    expect(await bench.journal()).toEqual(['1100000']);
    expect(await deadLetters(bench)).toEqual([
      {
        job: `m-${messageId}`,
        reason: `the message says that it is a dead letter of job ${id}, and is not the one that this job was enqueued with`,
      },
    ]);
  });

  test("cannot have another job's kept body run as that of a dead letter of its own", async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('x'.repeat(1_100_000));
    await startAgent('wc -c < /dev/stdin >> $JOURNAL');
    expect(await fleet.wait([id])).toMatchObject([{ state: 'succeeded' }]);
    const before = await bench.table.get(id);
    const broken = `m-${await bench.send('{"mayfly":1}')}`;
    await bench.empty();
    expect(await bench.table.get(broken)).toMatchObject({ state: 'failed' });
    const body = envelope(id, { bodyKey: `bodies/${id}` });
    const thief = `m-${await bench.send(body, { MayflyJobId: text(broken), MayflyNonce: text('guessed') })}`;
    await bench.empty();
    expect(await bench.journal()).toEqual(['1100000']);
    expect(await bench.table.get(id)).toEqual(before);
    const { outcomes } = await fleet.deadLetters.redrive({ ids: [thief] });
    expect(outcomes).toMatchObject([{ id: thief, outcome: 'refused', why: notItsBody(id) }]);
    expect(await deadLetters(bench)).toContainEqual({ job: thief, reason: notItsBody(id) });
  });

  test('cannot have a kept body run whose job is forgotten', async () => {
    const { bench, fleet, startAgent } = await open();
    const object = { Bucket: fleet.facts.logBucket, Key: 'bodies/j-forgotten-long' };
    await bench.clients.s3.send(new PutObjectCommand({ ...object, Body: 'kept' }));
    const thief = await bench.send(envelope('j-forgotten-long', { bodyKey: 'bodies/j-forgotten-long' }));
    const broken = `m-${await bench.send('{"mayfly":1}')}`;
    await startAgent(LOG_RUN);
    await bench.empty();
    const body = envelope('j-forgotten-long', { bodyKey: 'bodies/j-forgotten-long' });
    const second = `m-${await bench.send(body, { MayflyJobId: text(broken) })}`;
    await bench.empty();
    expect(await bench.journal()).toEqual([]);
    expect(await bench.table.get('j-forgotten-long')).toBeUndefined();
    const { outcomes } = await fleet.deadLetters.redrive({ ids: [`m-${thief}`, second] });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
    // If the attributes had no room for the job's id.
    const padded = `${body}${' '.repeat(1_048_576 - body.length)}`;
    await bench.send(padded);
    await bench.empty();
    const all = await fleet.deadLetters.redrive({ all: true });
    expect(all.outcomes.map(({ outcome }) => outcome)).not.toContain('redriven');
    expect(await bench.journal()).toEqual([]);
    const letters = await deadLetters(bench);
    expect(letters).toContainEqual({
      job: `m-${thief}`,
      reason:
        'the message names job j-forgotten-long, whose body is in the log bucket, and the table has no record of that job',
    });
    expect(letters).toContainEqual({ job: second, reason: notItsBody('j-forgotten-long') });
  });

  test('cannot keep a failed job from being redriven', async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('real');
    await startAgent(`${LOG_RUN}; exit 65`);
    await fleet.wait([id]);
    await bench.empty();
    await bench.send('forged', { MayflyJobId: text(id) });
    await bench.empty();
    const [letter] = await bench.deadLetters();
    const { Body = '', MessageAttributes } = letter ?? {};
    const again = `m-${await bench.send(Body, MessageAttributes)}`;
    await bench.empty();
    expect(await bench.journal()).toEqual([`${id} real`, `${again} real`]);
    expect(await bench.table.get(again)).toMatchObject({ retryOf: id });
  });
});

describe('a body in the bucket', () => {
  const LONG_BODY = 'x'.repeat(1_100_000);

  test('that was replaced does not run, and cannot be retried', async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue(LONG_BODY);
    const object = { Bucket: fleet.facts.logBucket, Key: `bodies/${id}` };
    await bench.clients.s3.send(new PutObjectCommand({ ...object, Body: 'forged' }));
    await startAgent(LOG_RUN);
    const reason = `the body of job ${id} is not the one that it was enqueued with: bodies/${id} of the bucket logs has another digest`;
    expect(await fleet.wait([id])).toMatchObject([{ state: 'failed', attempts: 0, reason }]);
    await bench.empty();
    expect(await bench.journal()).toEqual([]);
    await expect(fleet.retry(id)).rejects.toThrow(reason);
    const { outcomes } = await fleet.deadLetters.redrive({ all: true });
    expect(outcomes).toMatchObject([{ id, outcome: 'refused', why: reason }]);
  });

  test("of an earlier job with the dedupe key is replaced: it outlives that job's record", async () => {
    const { bench, fleet, startAgent } = await open();
    const id = deduplicatedId('weekly');
    const object = { Bucket: fleet.facts.logBucket, Key: `bodies/${id}` };
    await bench.clients.s3.send(new PutObjectCommand({ ...object, Body: 'last week' }));
    await fleet.enqueue(LONG_BODY, { dedupe: 'weekly' });
    await startAgent('[ "$(wc -c)" = 1100000 ]');
    expect(await fleet.wait([id])).toMatchObject([{ state: 'succeeded' }]);
  });

  test('that is kept of a dead letter replaces that of an earlier job', async () => {
    const { bench, fleet, startAgent } = await open();
    const id = deduplicatedId('monthly');
    const object = { Bucket: fleet.facts.logBucket, Key: `bodies/${id}` };
    await bench.clients.s3.send(new PutObjectCommand({ ...object, Body: 'last month' }));
    const body = 'x'.repeat(2000);
    await fleet.enqueue(body, { dedupe: 'monthly' });
    await startAgent('exit 65');
    expect(await fleet.wait([id])).toMatchObject([{ state: 'failed' }]);
    await bench.empty();
    expect(await createBodyStore(bench.clients.s3, fleet.facts.logBucket).get(id)).toBe(body);
    await expect(fleet.retry(id)).resolves.toMatchObject({ retryOf: id });
  });

  test('is the first one of a dedupe key: a second sender with another body gets an error', async () => {
    const { bench, fleet } = await open();
    const { id } = await fleet.enqueue(LONG_BODY, { dedupe: 'two bodies' });
    await expect(fleet.enqueue(`${LONG_BODY}y`, { dedupe: 'two bodies' })).rejects.toThrow(
      `The job was not enqueued: job ${id} is queued with another body and has the same dedupe key.`,
    );
    const other = { body: `${LONG_BODY}y`, dedupe: 'two bodies' };
    await expect(fleet.enqueueMany([other])).rejects.toThrow('is queued with another body');
    const same = await fleet.enqueue(LONG_BODY, { dedupe: 'two bodies' });
    expect(same).toMatchObject({ id, deduplicated: true });
    expect((await createBodyStore(bench.clients.s3, fleet.facts.logBucket).get(id)) === LONG_BODY).toBe(true);
  });
});

describe("a limit above the fleet's maximum", () => {
  const LONG = 43_000;
  const refusal = 'the limit of 43000 s is longer than this fleet allows: at most 3600 s (its prop maxLimit)';

  test('is refused of a producer, with the number', async () => {
    const { bench, startAgent } = await open();
    const plain = `m-${await bench.send(JSON.stringify({ mayfly: 1, payload: 'x', limitSeconds: LONG }))}`;
    await bench.send(envelope('order-8', { payload: 'x', limitSeconds: LONG }));
    await bench.send(envelope('order-9', { payload: 'x', limitSeconds: 3600 }));
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual(['order-9 x']);
    expect(await bench.table.get('order-8')).toBeUndefined();
    const letters = await deadLetters(bench);
    expect(letters).toHaveLength(2);
    expect(letters).toContainEqual({ job: plain, reason: refusal });
    expect(letters.map(({ reason }) => reason)).toEqual([refusal, refusal]);
  });

  test('is refused without records of jobs, too', async () => {
    const { bench } = await open();
    await bench.send(JSON.stringify({ mayfly: 1, payload: 'x', limitSeconds: LONG }));
    const agent = await bench.agent(LOG_RUN, { trackJobs: false });
    agent.work.resume();
    await bench.empty();
    expect((await deadLetters(bench)).map(({ reason }) => reason)).toEqual([refusal]);
    expect(await bench.journal()).toEqual([]);
  });

  test("is allowed if the fleet's maximum is higher", async () => {
    const { bench } = await open();
    await bench.send(envelope('order-10', { payload: 'x', limitSeconds: LONG }));
    const agent = await bench.agent(LOG_RUN, { maxLimitSeconds: LONG });
    agent.work.resume();
    await bench.empty();
    expect(await bench.journal()).toEqual(['order-10 x']);
  });

  test('stays for a job that was enqueued before the fleet lowered its maximum, and for its dead letter', async () => {
    const { bench, fleet, startAgent } = await open();
    const allowing = new Fleet({ ...fleet.context, isFromStack: true });
    const { id } = await allowing.enqueue('x', { limitSeconds: LONG });
    await startAgent(`${LOG_RUN}; exit 65`);
    expect(await fleet.wait([id])).toMatchObject([{ state: 'failed', exitStatus: 65 }]);
    await bench.empty();
    const [letter] = await bench.deadLetters();
    const again = `m-${await bench.send(letter?.Body ?? '', letter?.MessageAttributes)}`;
    await bench.empty();
    expect(await bench.journal()).toEqual([`${id} x`, `${again} x`]);
  });

  test('fails a job that was enqueued by a client that does not know the maximum', async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('x', { limitSeconds: LONG });
    await startAgent(LOG_RUN);
    expect(await fleet.wait([id])).toMatchObject([{ state: 'failed', attempts: 0, reason: refusal }]);
    await bench.empty();
    expect(await deadLetters(bench)).toEqual([{ job: id, reason: refusal }]);
    expect(await bench.journal()).toEqual([]);
  });
});

describe('a refused message that `mayfly dlq` redrives', () => {
  test('is a job of its own, and has no part in the job that it names: neither its record nor its body', async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('x'.repeat(1_100_000));
    await startAgent('wc -c < /dev/stdin >> $JOURNAL');
    await fleet.wait([id]);
    const before = await bench.table.get(id);
    const thief = await bench.send(envelope(id, { bodyKey: `bodies/${id}` }));
    const forger = await bench.send(envelope(id, { payload: 'forged' }));
    await bench.empty();
    const { outcomes } = await fleet.deadLetters.redrive({ all: true });
    const own = expect.stringMatching(/^d-/);
    const wanted = [
      {
        id: `m-${thief}`,
        messageId: expect.any(String),
        outcome: 'refused',
        why: notItsBody(id),
      },
      { id: `m-${forger}`, messageId: expect.any(String), outcome: 'redriven', newId: own },
    ];
    expect(outcomes).toHaveLength(2);
    expect(outcomes).toEqual(expect.arrayContaining(wanted));
    await bench.empty();
    expect(await bench.journal()).toEqual(['1100000', '6']);
    expect(await bench.table.get(id)).toEqual(before);
  });
});

test('a producer names the job of a message that SQS dead-letters by itself: a nonce proves it', () => {
  const record = { pk: 'job#j-1', id: 'j-1', state: 'queued', attempts: 0, nonce: 'secret' } as const;
  const moved = (attributes: object) => ({
    MessageId: 'one',
    Body: envelope('j-1', { payload: 'x' }),
    Attributes: { DeadLetterQueueSourceArn: 'arn:aws:sqs:us-east-1:111122223333:jobs' },
    MessageAttributes: { ...attributes },
  });
  const owner = (attributes: object) => {
    const message = moved(attributes);
    return findOwner(parseDeadLetter(message), readOrigin(message), record);
  };
  expect(owner({ MayflyNonce: text('secret') })).toBe('j-1');
  expect(owner({})).toBe('m-one');
  expect(owner({ MayflyNonce: text('guessed') })).toBe('m-one');
});

describe('a dead letter that SQS redrives', () => {
  /** A job of a plain producer that has ended in this state, and its dead letter. */
  async function ended(bench: TestQueue, id: string, state: JobRecord['state']): Promise<void> {
    const nowMs = Date.now();
    const lease = { nowMs, leaseUntilMs: nowMs + 60_000, enqueuedAtMs: nowMs };
    await bench.table.claim({ id, messageId: 'first', instance: 'i-other', fence: 'f', ...lease });
    if (state !== 'running') await bench.table.finish(id, 'f', state, { endedAtMs: nowMs, refund: 0 });
  }

  test.each(['failed', 'timed_out', 'lost'] as const)(
    'runs again if its job is %s, and once',
    async (state) => {
      const { bench, startAgent } = await open();
      const id = `dead-${state}`;
      await ended(bench, id, state);
      const first = await bench.send('x', { MayflyJobId: text(id) });
      await startAgent(LOG_RUN);
      await bench.empty();
      const second = await bench.send('x', { MayflyJobId: text(id) });
      await bench.empty();
      expect(await bench.journal()).toEqual([`m-${first} x`]);
      expect(await bench.table.get(id)).toMatchObject({ state, retriedAs: `m-${first}` });
      expect(await bench.table.get(`m-${second}`)).toBeUndefined();
      expect(await deadLetters(bench)).toEqual([
        {
          job: expect.any(String),
          reason: `the message says that it is a dead letter of job ${id}, which was retried as job m-${first} already`,
        },
      ]);
    },
  );

  test.each(['succeeded', 'cancelled', 'running'] as const)('stays dead if its job is %s', async (state) => {
    const { bench, startAgent } = await open();
    const id = `not-dead-${state}`;
    await ended(bench, id, state);
    const before = await bench.table.get(id);
    const messageId = await bench.send('x', { MayflyJobId: text(id) });
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual([]);
    expect(await bench.table.get(id)).toEqual(before);
    expect(await deadLetters(bench)).toEqual([
      {
        job: `m-${messageId}`,
        reason: `the message says that it is a dead letter of job ${id}, which is ${state}`,
      },
    ]);
  });

  test('stays dead if its job is unknown', async () => {
    const { bench, startAgent } = await open();
    await bench.send('x', { MayflyJobId: text('j-forgotten') });
    await startAgent(LOG_RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual([]);
    expect((await deadLetters(bench)).map(({ reason }) => reason)).toEqual([
      'the message says that it is a dead letter of job j-forgotten, which has no record; ' +
        '`mayfly dlq redrive` makes a new job of it',
    ]);
  });

  test.each(['SQS', 'mayfly dlq'])(
    'has the body in the bucket each time, also when the first job was removed: redriven by %s',
    async (by) => {
      const { bench, fleet, startAgent } = await open();
      const { id } = await fleet.enqueue('x'.repeat(1_100_000));
      await startAgent('wc -c < /dev/stdin >> $JOURNAL; exit 65');
      await fleet.wait([id]);
      await bench.empty();
      const [letter] = await bench.deadLetters();
      const again = `m-${await bench.send(letter?.Body ?? '', letter?.MessageAttributes)}`;
      await bench.empty();
      await new JobIndex(bench.clients.dynamodb, 'jobs').remove(id, { onlyEnded: true });
      if (by === 'mayfly dlq') await fleet.deadLetters.redrive({ ids: [again] });
      const [next] = by === 'SQS' ? await bench.deadLetters() : [];
      if (next) await bench.send(next.Body ?? '', next.MessageAttributes);
      await bench.empty();
      expect(await bench.journal()).toEqual(['1100000', '1100000', '1100000']);
    },
  );

  test('is a job like any other: it is tried again, fails, and is redriven again', async () => {
    const { bench, fleet, startAgent } = await open();
    const { id } = await fleet.enqueue('x');
    await startAgent(`${LOG_RUN}; [ $MAYFLY_ATTEMPT = 2 ] || exit 1; exit 65`);
    await fleet.wait([id]);
    await bench.empty();
    const [letter] = await bench.deadLetters();
    const again = `m-${await bench.send(letter?.Body ?? '', letter?.MessageAttributes)}`;
    await bench.empty();
    expect(await bench.table.get(again)).toMatchObject({ state: 'failed', attempts: 2 });
    const [next] = await bench.deadLetters();
    const third = `m-${await bench.send(next?.Body ?? '', next?.MessageAttributes)}`;
    await bench.empty();
    expect(await bench.table.get(third)).toMatchObject({ state: 'failed', retryOf: again });
    expect(await bench.journal()).toHaveLength(6);
  });
});
