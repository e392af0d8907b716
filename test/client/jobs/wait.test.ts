import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ThrottledError, type WaitProgress } from '../../../client/index.ts';
import { bareFleets } from '../../support/bare-fleet.ts';

const open = bareFleets();

describe('waiting', () => {
  const at = new Date().toISOString();

  it('returns all jobs in the order of the ids, and does not wait for unknown ones', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-a', state: 'succeeded', endedAt: at });
    await record({ id: 'j-b', state: 'cancelled', endedAt: at });
    const jobs = await fleet.wait(['j-b', 'j-no', 'j-a', 'j-b']);
    expect(jobs.map(({ id, state }) => [id, state])).toEqual([
      ['j-b', 'cancelled'],
      ['j-no', 'unknown'],
      ['j-a', 'succeeded'],
      ['j-b', 'cancelled'],
    ]);
  });

  it('ends after the time-out, with the last known states', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-slow', state: 'running', instance: 'i-1', startedAt: at });
    const started = performance.now();
    const [job] = await fleet.wait(['j-slow'], { timeoutSeconds: 0.5 });
    expect(job).toMatchObject({ state: 'running', finished: false, instance: 'i-1' });
    expect(performance.now() - started).toBeGreaterThan(490);
  });

  it('polls once if the time-out is 0', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-now', state: 'succeeded', endedAt: at });
    expect(await fleet.wait(['j-now', 'm-1'], { timeoutSeconds: 0 })).toMatchObject([
      { state: 'succeeded' },
      { state: 'unknown' },
    ]);
  });

  it("waits for a plain producer's message until an agent has received it, if there is a time-out", async () => {
    const { fleet, record } = await open();
    const seen = delay(300).then(() => record({ id: 'm-1-2', state: 'succeeded', endedAt: at }));
    expect(await fleet.wait(['m-1-2'], { timeoutSeconds: 20 })).toMatchObject([{ state: 'succeeded' }]);
    await seen;
    expect(await fleet.wait(['m-never'])).toMatchObject([{ state: 'unknown' }]);
  });

  it('can be aborted', async () => {
    const { fleet, record } = await open();
    await record({ id: 'j-long', state: 'running', instance: 'i-1', startedAt: at });
    const stop = new AbortController();
    const waiting = fleet.wait(['j-long'], { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(waiting).rejects.toThrow('aborted');
  });

  it('reads a hundred records with each request, and only of jobs that have not ended', async () => {
    const { fleet, record, cloud } = await open();
    const { ids } = await fleet.enqueueMany(Array.from({ length: 220 }, () => ({ body: 'x' })));
    let requests = 0;
    const stop = cloud.onCall(({ action }) => {
      if (action === 'BatchGetItem') requests += 1;
    });
    const looks: { remaining: number; requests: number }[] = [];
    const endings: Promise<unknown>[] = [];
    const end = (some: readonly string[]) =>
      endings.push(...some.map((id) => record({ id, state: 'succeeded', endedAt: at })));
    const jobs = await fleet.wait(ids, {
      onProgress: ({ remaining }) => {
        looks.push({ remaining, requests });
        requests = 0;
        if (looks.length === 1) end(ids.slice(7));
        else if (remaining === 7) end(ids);
      },
    });
    stop();
    await Promise.all(endings);
    expect(jobs.every(({ state }) => state === 'succeeded')).toBe(true);
    expect(looks[0]).toEqual({ remaining: 220, requests: 3 });
    // The few that are left at the end take one request.
    expect(looks.at(-1)).toEqual({ remaining: 0, requests: 1 });
    expect(looks.every((look) => look.requests <= 3)).toBe(true);
  });

  it('survives a throttled table, and reports that nothing new is known', async () => {
    const { fleet, record, cloud } = await open();
    await record({ id: 'j-thr', state: 'running', instance: 'i-1', startedAt: at });
    const fault = cloud.faults.add({
      service: 'dynamodb',
      action: 'BatchGetItem',
      effect: { kind: 'throttle' },
    });
    const throttled: boolean[] = [];
    let ended: Promise<void> | undefined;
    const [job] = await fleet.wait(['j-thr'], {
      onProgress: (progress) => {
        throttled.push(progress.throttled);
        fault.remove();
        ended ??= record({ id: 'j-thr', state: 'succeeded', endedAt: at });
      },
    });
    await ended;
    expect(throttled).toEqual([true, ...throttled.slice(1).fill(false)]);
    expect(job).toMatchObject({ state: 'succeeded' });
  });

  it('rejects with the reason if no poll succeeded before the time-out', async () => {
    const { fleet, record, cloud, mayfly } = await open();
    await record({ id: 'j-hid', state: 'running', instance: 'i-1', startedAt: at });
    cloud.faults.add({ service: 'dynamodb', action: 'BatchGetItem', effect: { kind: 'throttle' } });
    await expect(fleet.wait(['j-hid'], { timeoutSeconds: 0 })).rejects.toThrow(ThrottledError);
    expect(await mayfly('wait', '--timeout', '0', 'j-hid')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('AWS throttles calls to the table'),
    });
  });

  it('survives a connection that breaks', async () => {
    const { fleet, record, cloud } = await open();
    await record({ id: 'j-net', state: 'succeeded', endedAt: at });
    const fault = cloud.faults.add({ service: 'dynamodb', effect: { kind: 'reset', applied: false } });
    const seen: WaitProgress[] = [];
    const onProgress = (progress: WaitProgress) => {
      seen.push(progress);
      fault.remove();
    };
    expect(await fleet.wait(['j-net'], { onProgress })).toMatchObject([{ state: 'succeeded' }]);
    expect(seen).toMatchObject([
      { unanswered: true, throttled: false, remaining: 1 },
      { unanswered: false, throttled: false, remaining: 0 },
    ]);
  });

  it('rejects with a sentence if the table is gone', async () => {
    const { fleet, cloud } = await open();
    cloud.faults.add({
      service: 'dynamodb',
      effect: { kind: 'error', code: 'ResourceNotFoundException', status: 400 },
    });
    await expect(fleet.wait(['j-1'])).rejects.toThrow('The table jobs of fleet group is gone');
  });
});
