import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../aws/clock.ts';
import { Fleet } from '../../../client/fleet.ts';
import { bodyKey } from '../../../jobs/body-key.ts';
import { eventually } from '../../support/eventually.ts';
import { fleetsWithAgent } from '../../support/fleet-with-agent.ts';
import { isRunning } from '../../support/test-queue.ts';

const open = fleetsWithAgent();

describe('a job that is cancelled', () => {
  it('while it is queued never starts, and its message is deleted', async () => {
    const { fleet, bench, startAgent } = await open();
    const { id } = await fleet.enqueue('x');
    expect(await fleet.cancel([id])).toMatchObject([
      { id, outcome: 'cancelled', job: { state: 'cancelled', finished: true } },
    ]);
    const { id: other } = await fleet.enqueue('y');
    await startAgent('echo "$1" >> $JOURNAL');
    await fleet.wait([id, other]);
    await bench.empty();
    expect(await bench.journal()).toEqual(['y']);
    expect(await fleet.status(id)).toMatchObject({ state: 'cancelled', attempts: 0, tries: [] });
  });

  it('has a record as long as its message can exist, however short the retention of records is', async () => {
    const { fleet, bench } = await open();
    const facts = { ...fleet.facts, recordSeconds: 60 };
    const brief = new Fleet({ facts, clients: bench.clients, clock: systemClock, random: Math.random });
    const { id } = await brief.enqueue('x');
    const [cancelled] = await brief.cancel([id]);
    const leftMs = Date.parse(cancelled?.job.expiresAt ?? '') - Date.now();
    expect(leftMs / 1000).toBeGreaterThan(1_209_000);
  });

  it('while it runs is stopped, and can be waited for', async () => {
    const { fleet, bench, startAgent } = await open();
    const agent = await startAgent('exec sleep 60');
    const { id } = await fleet.enqueue('x');
    await agent.busy();
    await eventually('the record', async () => (await fleet.status(id)).state === 'running');
    const [cancelled] = await fleet.cancel([id], { wait: true, timeoutSeconds: 20 });
    expect(cancelled).toMatchObject({
      id,
      outcome: 'cancelled',
      job: { state: 'cancelled', finished: true, attempts: 1 },
    });
    expect(cancelled?.job.ranSeconds).toBeLessThan(20);
    await bench.empty();
  });

  it('while it runs has the outcome requested if the call does not wait', async () => {
    const { fleet, startAgent } = await open();
    const agent = await startAgent('exec sleep 60');
    const { id } = await fleet.enqueue('x');
    await agent.busy();
    await eventually('the record', async () => (await fleet.status(id)).state === 'running');
    const [first] = await fleet.cancel([id]);
    expect(first).toMatchObject({
      outcome: 'requested',
      job: { state: 'running', cancelRequestedAt: expect.any(String) },
    });
    expect(await fleet.wait([id], { timeoutSeconds: 20 })).toMatchObject([{ state: 'cancelled' }]);
    // A second call returns the job's state.
    expect(await fleet.cancel([id])).toMatchObject([{ outcome: 'ended', job: { state: 'cancelled' } }]);
  });

  it('after its end keeps its state; one without a record is unknown', async () => {
    const { fleet, startAgent } = await open();
    await startAgent('exit 0');
    const { id } = await fleet.enqueue('x');
    await fleet.wait([id]);
    expect(await fleet.cancel([id, 'j-nobody'], { wait: true })).toMatchObject([
      { id, outcome: 'ended', job: { state: 'succeeded' } },
      { id: 'j-nobody', outcome: 'unknown', job: { state: 'unknown', finished: false } },
    ]);
  });

  it('is one of many', async () => {
    const { fleet, bench } = await open();
    const { ids } = await fleet.enqueueMany(Array.from({ length: 60 }, () => ({ body: 'x' })));
    const cancelled = await fleet.cancel(ids);
    expect(cancelled.map(({ id }) => id)).toEqual(ids);
    expect(new Set(cancelled.map(({ outcome }) => outcome))).toEqual(new Set(['cancelled']));
    expect(await bench.depth()).toEqual({ visible: 60, held: 0 });
  });
});

describe('a job that is cleaned up by force', () => {
  it('while it runs leaves no process behind, and does not run again', async () => {
    const { fleet, bench, startAgent } = await open();
    const agent = await startAgent('echo "$$" >> $JOURNAL; exec sleep 60');
    const { id } = await fleet.enqueue('x');
    await agent.busy();
    await eventually('the worker', async () => (await bench.journal()).length === 1);
    expect(await fleet.cleanup([id], { force: true, timeoutSeconds: 20 })).toMatchObject([
      { outcome: 'removed' },
    ]);
    const [pid] = await bench.journal();
    expect(await isRunning(Number(pid))).toBe(false);
    expect(await fleet.status(id)).toMatchObject({ state: 'unknown' });
    await bench.empty();
  });

  it('while it is queued does not start when its message is received', async () => {
    const { fleet, bench, startAgent } = await open();
    const { id } = await fleet.enqueue('x');
    await fleet.cleanup([id], { force: true });
    const { id: other } = await fleet.enqueue('y');
    await startAgent('echo "$1" >> $JOURNAL');
    await fleet.wait([other]);
    await bench.empty();
    expect(await bench.journal()).toEqual(['y']);
    expect(await fleet.status(id)).toMatchObject({ state: 'unknown' });
  });

  it('while it is queued leaves no body in the bucket when its message is received', async () => {
    const { fleet, bench, startAgent } = await open();
    const { id } = await fleet.enqueue('x'.repeat(5000));
    await fleet.cleanup([id], { force: true });
    await startAgent('exit 0');
    await bench.empty();
    const { s3 } = bench.clients;
    const { facts } = fleet;
    const { Contents = [] } = await s3.send(
      new ListObjectsV2Command({ Bucket: facts.logBucket, Prefix: bodyKey(id) }),
    );
    expect(Contents).toEqual([]);
    expect(await bench.deadLetters()).toEqual([]);
  });
});
