import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import type { CleanedUp, Fleet } from '../../../client/index.ts';
import { bareFleets } from '../../support/bare-fleet.ts';

const open = bareFleets();
const now = () => new Date().toISOString();
const ended = () => ({ state: 'succeeded', enqueuedAt: now(), endedAt: now(), exitStatus: 0 }) as const;

async function objectsOf({ context }: Fleet, prefix: string): Promise<string[]> {
  const where = { Bucket: context.facts.logBucket, Prefix: prefix };
  const { Contents = [] } = await context.clients.s3.send(new ListObjectsV2Command(where));
  return Contents.flatMap(({ Key }) => Key ?? []);
}

describe('a job that is cleaned up', () => {
  it('is unknown, and so are its log and its body; those of others stay', async () => {
    const { fleet, record, object } = await open();
    await record({ id: 'j-1', ...ended(), bodyKey: 'bodies/j-1' });
    await record({ id: 'j-12', ...ended() });
    for (const key of ['jobs/j-1/k/stdout/00000001', 'jobs/j-1/k/index/00000001', 'bodies/j-1']) {
      await object(key, 'x');
    }
    await object('jobs/j-12/k/stdout/00000001', 'x');
    await object('bodies/j-12', 'x');
    expect(await fleet.cleanup(['j-1'])).toEqual([{ id: 'j-1', outcome: 'removed', objects: 3 }]);
    expect(await fleet.status(['j-1', 'j-12'])).toMatchObject([{ state: 'unknown' }, { state: 'succeeded' }]);
    expect(await objectsOf(fleet, 'jobs/j-1')).toEqual(['jobs/j-12/k/stdout/00000001']);
    expect(await objectsOf(fleet, 'bodies/j-1')).toEqual(['bodies/j-12']);
    expect(await fleet.cleanup(['j-1'])).toEqual([{ id: 'j-1', outcome: 'unknown', objects: 0 }]);
    expect(await fleet.cancel(['j-1'])).toMatchObject([{ outcome: 'unknown' }]);
    await expect(fleet.retry('j-1')).rejects.toThrow('There is no job j-1');
    expect((await fleet.list({ limit: 100 })).map(({ id }) => id)).not.toContain('j-1');
  });

  it('takes no call of S3 if its record contains everything', async () => {
    const { fleet, record, cloud } = await open();
    const log = { stdout: { bytes: 2, text: 'ok' }, stderr: { bytes: 0 } };
    const one = { key: 'k', instance: 'i-1', startedAt: now() };
    const whole = { ...one, endedAt: now(), log };
    await record({ id: 'j-whole', ...ended(), tries: [whole] });
    await record({ id: 'j-never', ...ended(), state: 'cancelled', attempts: 0 });
    await record({ id: 'j-unseen', ...ended(), tries: [one, whole] });
    await record({
      id: 'j-holes',
      ...ended(),
      tries: [{ ...whole, log: { ...log, stderr: { bytes: 9, lost: 9 } } }],
    });
    const calls: string[] = [];
    const stop = cloud.onCall(({ service, action }) => service === 's3' && calls.push(action));
    await fleet.cleanup(['j-whole', 'j-never']);
    expect(calls).toEqual([]);
    await fleet.cleanup(['j-unseen', 'j-holes']);
    stop();
    expect(calls).toEqual(['ListObjectsV2', 'ListObjectsV2']);
  });

  it('that was held for weeks cannot be claimed while the message of its release can be received', async () => {
    const { fleet, record } = await open();
    const enqueuedAt = new Date(Date.now() - 30 * 86_400_000).toISOString();
    const cancelled = { ...ended(), state: 'cancelled', group: 'web', enqueuedAt } as const;
    await record({ id: 'j-held-long', ...cancelled, release: 1, releasedAt: now(), sentAt: now() });
    await record({ id: 'j-never-sent', ...cancelled });
    await fleet.cleanup(['j-held-long', 'j-never-sent']);
    const { clients, facts } = fleet.context;
    const left = ['j-held-long', 'j-never-sent'].map(async (id) => {
      const Key = { pk: { S: `job#${id}` } };
      const { Item } = await clients.dynamodb.send(new GetItemCommand({ TableName: facts.table, Key }));
      return Item && 'removedAt' in Item;
    });
    expect(await Promise.all(left)).toEqual([true, undefined]);
  });

  it('must have ended: others are not removed', async () => {
    const { fleet, record, object } = await open();
    await record({ id: 'j-run', state: 'running', instance: 'i-1', enqueuedAt: now() });
    await record({ id: 'j-wait', state: 'queued', attempts: 0, enqueuedAt: now() });
    await record({ id: 'j-done', ...ended() });
    await object('jobs/j-run/k/stdout/00000001', 'x');
    expect(await fleet.cleanup(['j-run', 'j-wait', 'j-done', 'j-no'])).toEqual([
      { id: 'j-run', outcome: 'live', objects: 0 },
      { id: 'j-wait', outcome: 'live', objects: 0 },
      { id: 'j-done', outcome: 'removed', objects: 0 },
      { id: 'j-no', outcome: 'unknown', objects: 0 },
    ]);
    expect(await fleet.status(['j-run', 'j-wait'])).toMatchObject([
      { state: 'running' },
      { state: 'queued' },
    ]);
    expect(await objectsOf(fleet, 'jobs/j-run')).toHaveLength(1);
  });

  it('by force is cancelled first, and stays if it does not end', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-run', state: 'running', instance: 'i-1', enqueuedAt: now() });
    await record({ id: 'j-wait', state: 'queued', attempts: 0, enqueuedAt: now() });
    expect(await fleet.cleanup(['j-run', 'j-wait'], { force: true, timeoutSeconds: 0.3 })).toEqual([
      { id: 'j-run', outcome: 'live', objects: 0 },
      { id: 'j-wait', outcome: 'removed', objects: 0 },
    ]);
    expect(await fleet.status(['j-run', 'j-wait'])).toMatchObject([
      { state: 'running', cancelRequestedAt: expect.any(String) },
      { state: 'unknown' },
    ]);
  });

  it('is shown as unknown, and cannot be claimed, as long as its message can be received', async () => {
    const { fleet } = await open();
    const { context } = fleet;
    const { id } = await fleet.enqueue('x', { dedupe: 'cleaned' });
    await fleet.cleanup([id], { force: true });
    const { Item } = await context.clients.dynamodb.send(
      new GetItemCommand({ TableName: context.facts.table, Key: { pk: { S: `job#${id}` } } }),
    );
    const left = ['attempts', 'expires', 'id', 'nonce', 'pk', 'removedAt', 'state'];
    expect(Object.keys(Item ?? {}).sort()).toEqual(left);
    expect(Item?.['state']).toEqual({ S: 'cancelled' });
    const days = (Number(Item?.['expires']?.N) - Date.now() / 1000) / 86_400;
    expect(days).toBeCloseTo(14, 0);
    // Its deduplication key can be used again.
    expect(await fleet.enqueue('y', { dedupe: 'cleaned' })).toEqual({
      id,
      deduplicated: false,
      state: 'queued',
    });
    expect(await fleet.status(id)).toMatchObject({ state: 'queued' });
  });

  it('is removed completely if no message of it can exist', async () => {
    const { fleet, record } = await open();
    const old = '2020-01-01T00:00:00.000Z';
    await record({ id: 'j-old', ...ended(), enqueuedAt: old });
    await record({ id: 'j-lost', state: 'queued', attempts: 0, enqueuedAt: old });
    expect(await fleet.cleanup(['j-old', 'j-lost'])).toMatchObject([
      { outcome: 'removed' },
      { outcome: 'removed' },
    ]);
    const { context } = fleet;
    for (const id of ['j-old', 'j-lost']) {
      const { Item } = await context.clients.dynamodb.send(
        new GetItemCommand({ TableName: context.facts.table, Key: { pk: { S: `job#${id}` } } }),
      );
      expect(Item).toBeUndefined();
    }
  });

  it.each([
    [
      { kind: 'error', code: 'AccessDenied', message: 'no', status: 403 },
      'AWS does not let these credentials',
    ],
    [{ kind: 'throttle' }, 'AWS throttles calls to the log bucket'],
  ] as const)('keeps its record while its log cannot be deleted: %j', async (effect, sentence) => {
    const { fleet, record, object, cloud } = await open();
    await record({ id: 'j-stuck', ...ended() });
    await record({ id: 'j-free', ...ended(), state: 'cancelled', attempts: 0 });
    await object('jobs/j-stuck/k/stdout/00000001', 'x');
    const fault = cloud.faults.add({ service: 's3', action: 'DeleteObjects', effect });
    expect(await fleet.cleanup(['j-stuck', 'j-free'])).toEqual([
      { id: 'j-stuck', outcome: 'kept', objects: 0, why: expect.stringContaining(sentence) },
      { id: 'j-free', outcome: 'removed', objects: 0 },
    ]);
    expect(await fleet.status('j-stuck')).toMatchObject({ state: 'succeeded' });
    fault.remove();
    expect(await fleet.cleanup(['j-stuck'])).toMatchObject([{ outcome: 'removed', objects: 1 }]);
  });

  it('is cleaned up without its log if the log bucket is gone', async () => {
    const { fleet, record } = await open();
    Object.assign(fleet.context, { facts: { ...fleet.facts, logBucket: 'another' }, isFromStack: true });
    await record({ id: 'j-logless', ...ended(), bodyKey: 'bodies/j-logless' });
    expect(await fleet.cleanup(['j-logless'])).toEqual([
      { id: 'j-logless', outcome: 'removed', objects: 0, bucketGone: true },
    ]);
    expect(await fleet.status('j-logless')).toMatchObject({ state: 'unknown' });
  });
});

describe('all jobs that ended before a time', () => {
  it('are cleaned up and counted, and no others', async () => {
    const { fleet, record, object } = await open();
    const at = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    const old = Array.from({ length: 130 }, (_, n) => `j-age-${n}`);
    await Promise.all(old.map((id) => record({ id, ...ended(), endedAt: at(50).toISOString() })));
    await record({ id: 'j-new', ...ended(), endedAt: at(1).toISOString() });
    await record({ id: 'j-live', state: 'running', startedAt: at(60).toISOString() });
    await object('jobs/j-age-7/k/stdout/00000001', 'x');
    await object('bodies/j-age-8', 'x');
    await record({ id: 'j-age-8', ...ended(), endedAt: at(50).toISOString(), bodyKey: 'bodies/j-age-8' });
    const told: CleanedUp[] = [];
    const result = await fleet.cleanupEnded({ before: at(24), onRemoved: (job) => void told.push(job) });
    expect(result).toEqual({ jobs: 130, objects: 2 });
    expect(told).toHaveLength(130);
    expect(await fleet.status(['j-age-0', 'j-age-129', 'j-new', 'j-live'])).toMatchObject([
      { state: 'unknown' },
      { state: 'unknown' },
      { state: 'succeeded' },
      { state: 'running' },
    ]);
    expect(await fleet.cleanupEnded({ before: at(24) })).toEqual({ jobs: 0, objects: 0 });
  });

  it('are removed up to the first that cannot be', async () => {
    const { fleet, record, object, cloud } = await open();
    const old = new Date(Date.now() - 3_600_000).toISOString();
    await record({ id: 'j-old', ...ended(), endedAt: old });
    await object('jobs/j-old/k/stdout/00000001', 'x');
    const effect = { kind: 'error', code: 'AccessDenied', message: 'no', status: 403 } as const;
    cloud.faults.add({ service: 's3', action: 'DeleteObjects', effect });
    await expect(fleet.cleanupEnded({ before: new Date(Date.now() - 1_800_000) })).rejects.toThrow(
      /^AWS does not let these credentials .* \d+ jobs? (was|were) removed\. j-old keeps its record, and so do the jobs after it\.$/,
    );
    expect(await fleet.status('j-old')).toMatchObject({ state: 'succeeded' });
  });

  it('are cleaned up without their logs if the log bucket is gone', async () => {
    const { fleet, record } = await open();
    Object.assign(fleet.context, { facts: { ...fleet.facts, logBucket: 'another' }, isFromStack: true });
    const old = new Date(Date.now() - 3_600_000).toISOString();
    await record({ id: 'j-bucketless', ...ended(), endedAt: old });
    expect(await fleet.cleanupEnded({ before: new Date(Date.now() - 1_800_000) })).toEqual({
      jobs: expect.any(Number),
      objects: 0,
      bucketGone: true,
    });
    expect(await fleet.status('j-bucketless')).toMatchObject({ state: 'unknown' });
  });
});
