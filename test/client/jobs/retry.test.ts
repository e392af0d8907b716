import { describe, expect, it } from 'vitest';
import { BodyNotKeptError, JobIsLiveError, UnknownJobError } from '../../../client/index.ts';
import { digestBody } from '../../../store/body-store.ts';
import { bareFleets } from '../../support/bare-fleet.ts';
import { receiveJobs } from '../../support/received.ts';

const open = bareFleets();
const ended = { state: 'failed', endedAt: new Date().toISOString(), exitStatus: 1 } as const;

describe('a job that is retried', () => {
  it('is a new job with the same body, limit, label and request, and each names the other', async () => {
    const { fleet, record } = await open();
    const options = { limitSeconds: 5, requestId: 'r-1' };
    await record({ id: 'j-old', ...ended, body: '{"a":1}', label: 'web', ...options });
    const { id, retryOf } = await fleet.retry('j-old');
    expect(retryOf).toBe('j-old');
    expect(id).toMatch(/^j-[a-z0-9]{12}$/);
    expect(await receiveJobs(fleet)).toEqual([{ id, stdin: '{"a":1}', ...options }]);
    const [old, fresh] = await fleet.status(['j-old', id]);
    expect(old).toMatchObject({ state: 'failed', exitStatus: 1, retriedAs: id });
    expect(fresh).toMatchObject({ state: 'queued', attempts: 0, retryOf: 'j-old', label: 'web', ...options });
  });

  it('once returns its last retry while that is queued, runs or has succeeded, and retries it when it has failed', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-once', ...ended, body: 'x' });
    const first = await fleet.retry('j-once', { once: true });
    expect(first).toEqual({ id: expect.stringMatching(/^d-/), retryOf: 'j-once', outcome: 'retried' });
    const { id } = first;
    const again = { id, retryOf: 'j-once', outcome: 'repeated' };
    const enqueuedAt = new Date().toISOString();
    for (const state of ['queued', 'held', 'running', 'succeeded'] as const) {
      await record({ id, state, enqueuedAt, body: 'x', retryOf: 'j-once' });
      expect(await fleet.retry('j-once', { once: true }), state).toEqual(again);
    }
    expect(await receiveJobs(fleet)).toMatchObject([{ id }]);
    await record({ id, ...ended, body: 'x', retryOf: 'j-once' });
    const second = await fleet.retry('j-once', { once: true });
    expect(second).toMatchObject({ retryOf: 'j-once', outcome: 'retried' });
    expect(second.id).not.toBe(id);
    expect(await fleet.retry('j-once', { once: true })).toEqual({ ...second, outcome: 'repeated' });
    expect(await fleet.status(second.id)).toMatchObject({ state: 'queued', retryOf: id });
    expect(await receiveJobs(fleet)).toMatchObject([{ id: second.id }]);
  });

  it('once has one retry, however many calls are made at the same time', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-raced', ...ended, body: 'x' });
    const calls = Array.from({ length: 5 }, () => fleet.retry('j-raced', { once: true }));
    const all = await Promise.all(calls);
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all.filter(({ outcome }) => outcome === 'retried')).toHaveLength(1);
    expect(new Set((await receiveJobs(fleet)).map(({ id }) => id)).size).toBe(1);
  });

  it('once is the retry of a call that failed before it recorded it', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-unnoted', ...ended, body: 'x' });
    const { id } = await fleet.retry('j-unnoted', { once: true });
    await record({ id: 'j-unnoted', ...ended, body: 'x' });
    expect(await fleet.retry('j-unnoted', { once: true })).toMatchObject({ id, outcome: 'repeated' });
    expect(await fleet.status('j-unnoted')).toMatchObject({ retriedAs: id });
    // It has failed meanwhile.
    await record({ id, ...ended, body: 'x', retryOf: 'j-unnoted' });
    await record({ id: 'j-unnoted', ...ended, body: 'x' });
    const second = await fleet.retry('j-unnoted', { once: true });
    expect(second).toMatchObject({ outcome: 'retried' });
    expect(second.id).not.toBe(id);
  });

  it('once is retried again if its retry has no record, and not if it has not failed', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-again', ...ended, body: 'x', retriedAs: 'j-forgotten' });
    expect(await fleet.retry('j-again', { once: true })).toMatchObject({ outcome: 'retried' });
    await record({ id: 'j-good', ...ended, state: 'succeeded', body: 'x' });
    const good = { id: 'j-good', retryOf: 'j-good', outcome: 'repeated' };
    expect(await fleet.retry('j-good', { once: true })).toEqual(good);
    await expect(fleet.retry('j-nobody', { once: true })).rejects.toThrow(UnknownJobError);
  });

  it('keeps the group of another producer, which serves as its label', async () => {
    const { fleet, record } = await open();
    await record({ id: 'm-1', ...ended, body: 'x', group: 'db/blue' });
    const { id } = await fleet.retry('m-1');
    expect(await receiveJobs(fleet)).toMatchObject([{ id, group: 'db/blue' }]);
    expect(await fleet.list({ label: 'db/blue' })).toMatchObject([
      { id, label: 'db/blue' },
      { id: 'm-1', label: 'db/blue' },
    ]);
  });

  it('gets a long body from the bucket', async () => {
    const { fleet, record, object } = await open();
    const body = 'x'.repeat(1_100_000);
    await record({ id: 'j-long', ...ended, bodyKey: 'bodies/j-long' });
    await object('bodies/j-long', body);
    const { id } = await fleet.retry('j-long');
    expect(await receiveJobs(fleet)).toMatchObject([{ id, bodyKey: `bodies/${id}` }]);
    const again = { ...ended, bodyKey: `bodies/${id}` };
    await record({ id, ...again });
    // The new job has its own copy of the body: the old one's may be cleaned up.
    await fleet.cleanup(['j-long']);
    await expect(fleet.retry(id)).resolves.toMatchObject({ retryOf: id });
  });

  it('can be a job of a plain producer, or a lost job', async () => {
    const { fleet, record } = await open();
    await record({ id: 'm-1', ...ended, body: '' });
    const lost = { enqueuedAt: '2020-01-01T00:00:00.000Z', attempts: 0, body: 'b' };
    await record({ id: 'j-lost', state: 'queued', ...lost });
    const ids = [await fleet.retry('m-1'), await fleet.retry('j-lost')].map(({ id }) => id);
    expect((await receiveJobs(fleet)).map(({ id, stdin }) => [id, stdin])).toEqual([
      [ids[0], ''],
      [ids[1], 'b'],
    ]);
  });

  it.each(['queued', 'held', 'running'] as const)('cannot be %s', async (state) => {
    const { fleet, record } = await open();
    await record({ id: 'j-live', state, enqueuedAt: new Date().toISOString(), body: 'x' });
    const error = await fleet.retry('j-live').catch((error: Error) => error);
    expect(error).toBeInstanceOf(JobIsLiveError);
    expect(error).toMatchObject({
      job: 'j-live',
      message: `Job j-live is ${state}. Only a job that has ended can be retried: cancel it first.`,
    });
    expect(await receiveJobs(fleet)).toEqual([]);
  });

  it('cannot be unknown', async () => {
    const { fleet } = await open();
    const error = await fleet.retry('j-nobody').catch((error: Error) => error);
    expect(error).toBeInstanceOf(UnknownJobError);
    expect((error as Error).message).toBe(
      'There is no job j-nobody in fleet group: its record has expired or was cleaned up, or it is a job of another fleet.',
    );
  });

  it.each([
    [
      'failed, and its body is nowhere',
      ended,
      'the job is failed. Its message may be in the dead-letter queue: `mayfly dlq redrive j-gone` takes it from there.',
    ],
    [
      'failed, and its body has expired',
      { ...ended, bodyKey: 'bodies/j-gone' },
      'its copy in the log bucket has expired. Its message may be in the dead-letter queue',
    ],
    [
      'succeeded, and was too long to keep',
      { ...ended, state: 'succeeded' as const },
      'the job is succeeded. Enqueue it again from its source.',
    ],
  ])('says what to do if it is %s', async (_, rest, part) => {
    const { fleet, record } = await open();
    await record({ id: 'j-gone', ...rest });
    const error = await fleet.retry('j-gone').catch((error: Error) => error);
    expect(error).toBeInstanceOf(BodyNotKeptError);
    expect((error as Error).message).toContain(part);
  });

  it('cannot have a body that was replaced in the bucket', async () => {
    const { fleet, record, object } = await open();
    await record({ id: 'j-other', ...ended, bodyKey: 'bodies/j-other', bodyDigest: digestBody('its own') });
    await object('bodies/j-other', 'of somebody else');
    const error = await fleet.retry('j-other').catch((error: Error) => error);
    expect(error).toBeInstanceOf(BodyNotKeptError);
    expect((error as Error).message).toMatch(
      /^Job j-other cannot be retried: the body .* is not the one that it was enqueued with: bodies\/j-other .*\.$/,
    );
    expect(await receiveJobs(fleet)).toEqual([]);
  });
});
