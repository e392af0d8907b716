import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JobRecord } from '../../../jobs/record.ts';
import { startEarlierAgent } from '../../support/earlier-version.ts';
import { eventually } from '../../support/eventually.ts';
import { type FleetWithAgent, fleetsWithAgent } from '../../support/fleet-with-agent.ts';

const open = fleetsWithAgent();

/** The results of the tries in the record of a job that has ended. */
async function resultsOf({ bench }: FleetWithAgent, id: string) {
  const { tries = [] } = (await bench.table.get(id)) ?? ({} as JobRecord);
  return tries.map(({ result, resultError }) => ({ result, resultError }));
}

describe('the result of a worker', () => {
  test.each([
    ['succeeds', 'echo done > $MAYFLY_RESULT', {}, 'succeeded'],
    ['fails for good', 'echo done > $MAYFLY_RESULT; exit 65', {}, 'failed'],
    ['dies of a signal', 'echo done > $MAYFLY_RESULT; kill -9 $$', { maxAttempts: 1 }, 'failed'],
    ['runs past its limit', 'echo done > $MAYFLY_RESULT; exec sleep 60', { limitSeconds: 1 }, 'timed_out'],
  ])('is in the record of a job that %s', async (_, script, config, state) => {
    const all = await open();
    await all.startAgent(script, config);
    const { id } = await all.fleet.enqueue('x');
    expect(await all.fleet.wait([id])).toMatchObject([{ state, result: 'done\n' }]);
    expect(await resultsOf(all, id)).toEqual([{ result: 'done\n' }]);
  });

  test('is in the record of a job that is cancelled', async () => {
    const all = await open();
    const agent = await all.startAgent('echo done > $MAYFLY_RESULT; touch ready; exec sleep 60');
    const { id } = await all.fleet.enqueue('x');
    await agent.busy();
    await eventually('the result', () => existsSync(join(all.bench.directory, 'ready')));
    await all.fleet.cancel([id]);
    expect(await all.fleet.wait([id])).toMatchObject([{ state: 'cancelled', result: 'done\n' }]);
  });

  test('is that of the last try, and each try has its own', async () => {
    const all = await open();
    await all.startAgent(
      '[ $MAYFLY_ATTEMPT = 2 ] || echo "{\\"try\\": $MAYFLY_ATTEMPT}" > $MAYFLY_RESULT; [ $MAYFLY_ATTEMPT = 3 ]',
    );
    const { id } = await all.fleet.enqueue('x');
    const [job] = await all.fleet.wait([id]);
    expect(job).toMatchObject({ state: 'succeeded', result: { try: 3 } });
    expect(job?.tries.map(({ result }) => result)).toEqual([{ try: 1 }, undefined, { try: 3 }]);
  });

  test('that is too long is left out with the reason, and changes nothing else', async () => {
    const all = await open();
    await all.startAgent('head -c 5000 /dev/zero | tr "\\0" x > $MAYFLY_RESULT; exit 65');
    const { id } = await all.fleet.enqueue('x');
    const [job] = await all.fleet.wait([id]);
    const resultError = 'it has 5000 bytes, and a result has at most 4096';
    expect(job).toMatchObject({ state: 'failed', exitStatus: 65, resultError });
    expect(job).not.toHaveProperty('result');
    expect(await resultsOf(all, id)).toEqual([{ resultError }]);
  });

  test('is kept if the check of the instance fails, too', async () => {
    const all = await open();
    const agent = await all.startAgent('echo done > $MAYFLY_RESULT; exit 3', { instanceCheck: ['false'] });
    const { id } = await all.fleet.enqueue('x');
    await agent.broken;
    await eventually('the end', async () => (await all.bench.table.get(id))?.state === 'queued');
    expect((await all.bench.table.get(id))?.tries).toMatchObject([{ unhealthy: true, result: 'done\n' }]);
  });

  test('has no effect without records of jobs', async () => {
    const { bench, startAgent } = await open();
    const agent = await startAgent('echo done > $MAYFLY_RESULT', { trackJobs: false });
    await bench.send('x');
    await agent.done(1);
    await bench.empty();
    expect(await bench.deadLetters()).toEqual([]);
  });

  test('is not that of a later try by an agent of an earlier version', async () => {
    const all = await open();
    const { bench, fleet } = all;
    const agent = await all.startAgent('echo new > $MAYFLY_RESULT; exit 3', {
      maxAttempts: 5,
      retryBackoff: { firstSeconds: 1, longestSeconds: 1 },
    });
    const { id } = await fleet.enqueue('x');
    await agent.done(1);
    await agent.work.pause();
    expect((await fleet.status([id]))[0]).toMatchObject({ result: 'new\n' });
    await startEarlierAgent(all, 'echo "old $(env | grep -c MAYFLY_RESULT)" >> $JOURNAL', { maxAttempts: 5 });
    const [job] = await fleet.wait([id]);
    expect(job).toMatchObject({ state: 'succeeded', exitStatus: 0 });
    expect(job).not.toHaveProperty('result');
    expect(job?.tries[0]).toMatchObject({ result: 'new\n' });
    expect(await bench.journal()).toEqual(['old 0']);
  });
});
