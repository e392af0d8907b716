import { describe, expect, it } from 'vitest';
import type { WaitProgress } from '../../client/index.ts';
import { fleetsWithAgent } from '../support/fleet-with-agent.ts';

const open = fleetsWithAgent();

describe('a job can be followed', () => {
  it('from its start to its end, with its times, its status and its log', async () => {
    const { fleet, bench, startAgent } = await open();
    await startAgent('cat; echo oops >&2; until [ -e $DIRECTORY/go ]; do sleep 0.02; done; exit 65');
    const { id } = await fleet.enqueue('hello', { limitSeconds: 30 });
    const seen: WaitProgress[] = [];
    const waiting = fleet.wait([id], {
      onProgress: (progress) => {
        seen.push(progress);
        if (progress.running.length > 0) void bench.touch('go');
      },
    });
    const [job] = await waiting;
    expect(job).toMatchObject({
      id,
      state: 'failed',
      finished: true,
      attempts: 1,
      exitStatus: 65,
      limitSeconds: 30,
      waitedSeconds: expect.any(Number),
      ranSeconds: expect.any(Number),
      log: { stdoutBytes: 5, stderrBytes: 5 },
      tries: [{ attempt: 1, instance: 'i-test', exitStatus: 65 }],
    });
    expect(seen.some(({ running }) => running[0]?.instance === 'i-test')).toBe(true);
    expect(seen.at(-1)).toMatchObject({ total: 1, remaining: 0, ended: [{ id }], throttled: false });
  });

  it('also if it ends at once', async () => {
    const { fleet, startAgent } = await open();
    await startAgent('true');
    const started = performance.now();
    const { id } = await fleet.enqueue('x');
    expect(await fleet.wait([id], { pollSeconds: 60 })).toMatchObject([
      { state: 'succeeded', exitStatus: 0 },
    ]);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('until it is killed at its limit', async () => {
    const { fleet, startAgent } = await open();
    await startAgent('exec sleep 60');
    const { id } = await fleet.enqueue('x', { limitSeconds: 1 });
    const [job] = await fleet.wait([id]);
    expect(job).toMatchObject({ state: 'timed_out', finished: true });
    expect(job?.ranSeconds).toBeLessThan(10);
  });
});
