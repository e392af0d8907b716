import { expect, test } from 'vitest';
import { EBS_MAX_VOLUME_BYTES } from '../../../lib/limits.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ManualRunner } from '../../support/manual-runner.ts';
import { testQueues } from '../../support/test-queue.ts';

const open = testQueues();

const LOG_RUN = 'echo ran >> $JOURNAL; ';

test('on a disk with less free space than configured no job is claimed, and the instance is broken', async () => {
  const bench = await open();
  const agent = await bench.agent(LOG_RUN, { minFreeDiskBytes: EBS_MAX_VOLUME_BYTES });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  expect(await agent.broken).toEqual({
    reason: 'disk-full',
    problem: expect.stringMatching(/^\S+ has \d+ MiB free, less than the 67108864 MiB of minFreeDisk$/),
  });
  await eventually('the job to be requeued', async () => (await bench.depth()).visible === 1);
  expect(await bench.table.get(id)).toBeUndefined();
  expect(await bench.journal()).toEqual([]);
});

test('if the instance check fails after a job has failed, the try costs no attempt and the instance is broken', async () => {
  const bench = await open();
  const instanceCheck = ['sh', '-c', 'echo "the GPU has fallen off the bus"; exit 3'];
  const agent = await bench.agent(`${LOG_RUN} exit 65`, { instanceCheck, maxAttempts: 1 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  const problem = 'the instance check failed: exit status 3: the GPU has fallen off the bus';
  expect(await agent.broken).toEqual({ reason: 'unhealthy', problem, job: id });
  await eventually('the job to be requeued', async () => (await bench.depth()).visible === 1);
  expect(await bench.table.get(id)).toMatchObject({
    state: 'queued',
    attempts: 0,
    tries: [{ exitStatus: 65, reason: `exit status 65 (EX_DATAERR), which does not count: ${problem}` }],
  });
  expect(agent.work.state().jobsDone).toBe(0);
  expect(await bench.journal()).toEqual(['ran']);
});

test('a job after which a third instance is unhealthy is the cause: that try costs an attempt', async () => {
  const bench = await open();
  const config = { instanceCheck: ['sh', '-c', 'echo broken; exit 3'], maxAttempts: 1 };
  const id = `m-${await bench.send('x')}`;
  const next = async () => {
    const agent = await bench.agent(`${LOG_RUN} exit 1`, config);
    agent.work.resume();
    expect(await agent.broken).toMatchObject({ reason: 'unhealthy' });
    await eventually('the job to be settled', async () => (await bench.depth()).held === 0);
  };
  for (const attempts of [0, 0]) {
    await next();
    expect(await bench.table.get(id)).toMatchObject({ state: 'queued', attempts });
  }
  await next();
  expect(await bench.table.get(id)).toMatchObject({
    state: 'failed',
    attempts: 1,
    reason: expect.stringMatching(/^exit status 1, on one more unhealthy instance: .*, attempt 1 of 1$/),
  });
  expect(await bench.deadLetters()).toHaveLength(1);
  expect(await bench.journal()).toEqual(['ran', 'ran', 'ran']);
});

test('if the instance check succeeds, the job is the cause of the failure', async () => {
  const bench = await open();
  const instanceCheck = ['sh', '-c', 'echo checked >> $JOURNAL'];
  const agent = await bench.agent(`${LOG_RUN} exit 1`, { instanceCheck, maxAttempts: 1 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'failed', attempts: 1 });
  expect(await bench.journal()).toEqual(['ran', 'checked']);
});

/** An agent with one slot and a clock that stands still, and six jobs. The first three have failed on it. */
async function slowed() {
  const bench = await open();
  const runner = new ManualRunner();
  const clock = new ManualClock(Date.now());
  const agent = await bench.agent('true', { maxAttempts: 1 }, runner, clock);
  for (let sent = 0; sent < 6; sent += 1) await bench.send('x');
  agent.work.resume();
  for (const nth of [1, 2, 3]) (await runner.started(nth)).exit(1);
  await eventually('the last to be settled', () => {
    const { slowed: streak, settling } = agent.work.state();
    return streak?.failures === 3 && settling === 0;
  });
  return { bench, runner, clock, agent };
}

test('an instance on which several jobs failed in a row takes one after a pause, requeues the rest, and is not idle', async () => {
  const { bench, runner, clock, agent } = await slowed();
  const { slowed: streak, idleSinceMs } = agent.work.state();
  expect(streak).toMatchObject({ failures: 3, reason: 'exit status 1' });
  expect(idleSinceMs).toBeUndefined();
  await eventually('the rest to be requeued', async () => (await bench.depth()).visible === 3);
  await clock.advance(4900);
  expect(runner.runs).toHaveLength(3);
  await clock.advance(200);
  const fourth = await runner.started(4);
  expect((await bench.depth()).visible).toBe(2);
  fourth.exit(1);
  await eventually('it to be settled', () => {
    const { slowed: now, settling } = agent.work.state();
    return now?.failures === 4 && settling === 0;
  });
  await clock.advance(9900);
  expect(runner.runs).toHaveLength(4);
  await clock.advance(200);
  (await runner.started(5)).exit(0);
  (await runner.started(6)).exit(0);
  await eventually('the last to be settled', () => agent.work.state().jobsDone === 6);
  expect(agent.work.state().slowed).toBeUndefined();
});

test('an instance in such a pause can be stopped at any moment', async () => {
  const { agent, runner } = await slowed();
  await agent.work.drain(0);
  expect(agent.work.state().idleSinceMs).toBeDefined();
  expect(runner.runs).toHaveLength(3);
});
