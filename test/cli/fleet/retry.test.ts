import { describe, expect, it } from 'vitest';
import { BodyNotKept, JobIsLive, UnknownJob } from '../../../cli/index.ts';
import { digestOfBody } from '../../../jobs/bodies.ts';
import { bareFleets } from '../bare-fleet.ts';
import { received } from './received.ts';

const open = bareFleets();
const ended = { state: 'failed', endedAt: new Date().toISOString(), exitStatus: 1 } as const;

describe('a job that is retried', () => {
  it('is a new one with the same body, limit, label and request, and each names the other', async () => {
    const { fleet, record } = await open();
    const options = { limitSeconds: 5, requestId: 'r-1' };
    await record({ id: 'j-old', ...ended, body: '{"a":1}', label: 'web', ...options });
    const { id, retryOf } = await fleet.retry('j-old');
    expect(retryOf).toBe('j-old');
    expect(id).toMatch(/^j-[a-z0-9]{12}$/);
    expect(await received(fleet)).toEqual([{ id, stdin: '{"a":1}', ...options }]);
    const [old, fresh] = await fleet.status(['j-old', id]);
    expect(old).toMatchObject({ state: 'failed', exitStatus: 1, retriedAs: id });
    expect(fresh).toMatchObject({ state: 'queued', attempts: 0, retryOf: 'j-old', label: 'web', ...options });
  });

  it('keeps the group of another producer, which serves as its label', async () => {
    const { fleet, record } = await open();
    await record({ id: 'm-1', ...ended, body: 'x', group: 'db/blue' });
    const { id } = await fleet.retry('m-1');
    expect(await received(fleet)).toMatchObject([{ id, group: 'db/blue' }]);
    expect(await fleet.list({ label: 'db/blue' })).toMatchObject([
      { id, label: 'db/blue' },
      { id: 'm-1', label: 'db/blue' },
    ]);
  });

  it('has its body from the bucket, if that is where it is, and may be long', async () => {
    const { fleet, record, object } = await open();
    const body = 'x'.repeat(1_100_000);
    await record({ id: 'j-long', ...ended, bodyKey: 'bodies/j-long' });
    await object('bodies/j-long', body);
    const { id } = await fleet.retry('j-long');
    expect(await received(fleet)).toMatchObject([{ id, bodyKey: `bodies/${id}` }]);
    const again = { ...ended, bodyKey: `bodies/${id}` };
    await record({ id, ...again });
    // The copy is a job's own: the old one's may be cleaned up.
    await fleet.cleanup(['j-long']);
    await expect(fleet.retry(id)).resolves.toMatchObject({ retryOf: id });
  });

  it('can be one that a plain producer sent, or that was lost', async () => {
    const { fleet, record } = await open();
    await record({ id: 'm-1', ...ended, body: '' });
    const lost = { enqueuedAt: '2020-01-01T00:00:00.000Z', attempts: 0, body: 'b' };
    await record({ id: 'j-lost', state: 'queued', ...lost });
    const ids = [await fleet.retry('m-1'), await fleet.retry('j-lost')].map(({ id }) => id);
    expect((await received(fleet)).map(({ id, stdin }) => [id, stdin])).toEqual([
      [ids[0], ''],
      [ids[1], 'b'],
    ]);
  });

  it.each(['queued', 'held', 'running'] as const)('is not one that is %s', async (state) => {
    const { fleet, record } = await open();
    await record({ id: 'j-live', state, enqueuedAt: new Date().toISOString(), body: 'x' });
    const error = await fleet.retry('j-live').catch((error: Error) => error);
    expect(error).toBeInstanceOf(JobIsLive);
    expect(error).toMatchObject({
      job: 'j-live',
      message: `Job j-live is ${state}: only a job that has ended is retried. Cancel it first.`,
    });
    expect(await received(fleet)).toEqual([]);
  });

  it('is not one that nobody knows', async () => {
    const { fleet } = await open();
    const error = await fleet.retry('j-nobody').catch((error: Error) => error);
    expect(error).toBeInstanceOf(UnknownJob);
    expect((error as Error).message).toBe(
      "There is no job j-nobody in fleet group: its record has expired or was cleaned up, or it is another fleet's.",
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
      'the job is succeeded. Enqueue it anew from where it came.',
    ],
  ])('says what to do if it is %s', async (_, rest, part) => {
    const { fleet, record } = await open();
    await record({ id: 'j-gone', ...rest });
    const error = await fleet.retry('j-gone').catch((error: Error) => error);
    expect(error).toBeInstanceOf(BodyNotKept);
    expect((error as Error).message).toContain(part);
  });

  it('is not one whose body was replaced in the bucket', async () => {
    const { fleet, record, object } = await open();
    await record({ id: 'j-other', ...ended, bodyKey: 'bodies/j-other', bodyDigest: digestOfBody('its own') });
    await object('bodies/j-other', 'of somebody else');
    const error = await fleet.retry('j-other').catch((error: Error) => error);
    expect(error).toBeInstanceOf(BodyNotKept);
    expect((error as Error).message).toMatch(
      /^Job j-other cannot be retried: the body .* is not the one that it was enqueued with: bodies\/j-other .*\.$/,
    );
    expect(await received(fleet)).toEqual([]);
  });
});
