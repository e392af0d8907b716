import { pino } from 'pino';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { AgentConfigSchema } from '../../../agent/config/agent-config.ts';
import { drainFor } from '../../../agent/lifecycle/drain.ts';
import { SlotRunner } from '../../../agent/runner/slot-runner.ts';
import { RefusalTracker } from '../../../agent/supervision/refusals.ts';
import { NO_SUPERVISOR } from '../../../agent/supervision/watchdog.ts';
import { systemClock } from '../../../aws/clock.ts';
import { missingForSlots, openSlotSockets } from '../../../bench/setup/slot-sockets.ts';
import { JobIndex } from '../../../store/job-index.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ManualRunner } from '../../support/manual-runner.ts';
import { testQueues } from '../../support/test-queue.ts';

const open = testQueues();

test('a drain lets running jobs end, settles them, and takes no others', async () => {
  const bench = await open();
  const agent = await bench.agent('echo start >> $JOURNAL; until [ -e go ]; do sleep 0.05; done', {
    leaseSeconds: 15,
  });
  await bench.send('x');
  agent.work.resume();
  await agent.busy();
  const drained = agent.work.drain(60_000);
  await bench.send('too late');
  await bench.touch('go');
  await drained;
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
  expect(await bench.journal()).toEqual(['start']);
  expect(agent.work.state()).toMatchObject({ running: 0, settling: 0, jobsDone: 1 });
});

test.each([
  ['a longer limit than the usual, which the fleet allows,', 'j-allowed', { maxLimitSeconds: 360 }],
  ['a longer limit than the fleet allows any more', 'j-allowed-before', {}],
])('an instance that must end lets a job with %s run to its end', async (_, id, allowed) => {
  const bench = await open();
  const runner = new ManualRunner();
  const clock = new ManualClock(Date.now());
  const given = { limitSeconds: 60, leaseSeconds: 900, ...allowed };
  const agent = await bench.agent('true', given, runner, clock);
  const limitSeconds = 300;
  const record = { pk: `job#${id}`, id, state: 'queued', attempts: 0, limitSeconds } as const;
  const catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
  await catalogue.createOnce({ ...record, enqueuedAt: new Date().toISOString() });
  await bench.send(JSON.stringify({ mayfly: 1, id, payload: 'x', limitSeconds }));
  agent.work.resume();
  const run = await runner.started();
  const { clients, queueUrl, directory: stateDirectory } = bench;
  const base = { version: 1, fleet: 'test', region: 'us-east-1', queueUrl, command: ['true'] };
  const self = {
    config: v.parse(AgentConfigSchema, { ...base, ...given }),
    clients,
    clock,
    log: pino({ level: 'silent' }),
    identity: { instanceId: 'i-leaving' },
    work: agent.work,
    refusals: new RefusalTracker(clock),
    stateDirectory,
    groupName: undefined,
    instances: undefined,
    supervisor: NO_SUPERVISOR,
    random: Math.random,
  };
  const drained = drainFor(self, 'unhealthy', undefined, new AbortController().signal);
  // Before the lease is renewed, which takes a call.
  await clock.advance(290_000);
  const stops = [...run.stops];
  run.exit(0);
  await drained;
  expect(stops).toEqual([]);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
});

test('a job that outlasts the drain is stopped and requeued, and costs no attempt', async () => {
  const bench = await open();
  const agent = await bench.agent('echo start >> $JOURNAL; exec sleep 60', { leaseSeconds: 15 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await eventually('the worker', async () => (await bench.journal()).length === 1);
  await agent.work.drain(0);
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
  expect(await bench.table.get(id)).toMatchObject({ state: 'queued', attempts: 0 });
});

test('a job that still waits for a slot when the drain is over was interrupted', async ({ skip }) => {
  skip(missingForSlots() !== undefined, missingForSlots());
  const bench = await open();
  const sockets = await openSlotSockets({ cgroups: 'none' });
  const runner = new SlotRunner({
    sockets: sockets.path,
    slots: 1,
    command: ['true'],
    environment: { PATH: '/usr/bin:/bin' },
    directory: '/',
    clock: systemClock,
  });
  await runner.check();
  // From here on no slot becomes free.
  await sockets.close();
  const agent = await bench.agent('true', { leaseSeconds: 30 }, runner);
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await eventually('the claim', async () => (await bench.table.get(id))?.state === 'running');
  await agent.work.drain(0);
  expect(await bench.table.get(id)).toMatchObject({ state: 'queued', attempts: 0 });
  expect((await bench.table.get(id))?.reason).toContain('the agent had to go');
  runner.close();
});

test('jobs that only waited here for a slot are requeued unchanged: no attempt, no record', async () => {
  const bench = await open();
  const runner = new ManualRunner();
  // Its jobs took no time, so the agent fetches more of them ahead.
  const clock = new ManualClock(Date.now());
  const agent = await bench.agent('true', { leaseSeconds: 900 }, runner, clock);
  await bench.send('quick');
  agent.work.resume();
  (await runner.started()).exit(0);
  await agent.done(1);
  await bench.send('long');
  const long = await runner.started(2);
  const ids = [await bench.send('quick'), await bench.send('quick')];
  await eventually('the others to be at hand', async () => (await bench.depth()).held === 3);
  const drained = agent.work.drain(0);
  await clock.advance(1);
  await eventually('the stop of the long one', () => long.stops.length > 0);
  long.die();
  await drained;
  expect(await bench.depth()).toEqual({ visible: 3, held: 0 });
  for (const id of ids) expect(await bench.table.get(`m-${id}`)).toBeUndefined();
});

test('messages that come after the pause began are requeued at once and not run', async () => {
  const bench = await open();
  const agent = await bench.agent('echo start >> $JOURNAL', { leaseSeconds: 60 });
  const polling = new Promise<void>((resolve) => {
    bench.cloud.faults.add({
      action: 'ReceiveMessage',
      when: () => {
        resolve();
        return false;
      },
      effect: { kind: 'throttle' },
    });
  });
  agent.work.resume();
  await polling;
  const paused = agent.work.pause();
  await bench.send('x');
  await paused;
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
  expect(await bench.journal()).toEqual([]);
  agent.work.resume();
  await agent.done(1);
  await bench.empty();
});

test('the last receive starts what it finds, and the loop goes on', async () => {
  const bench = await open();
  const agent = await bench.agent('true');
  expect(await agent.work.receiveLast()).toBe('empty');
  const fault = bench.cloud.faults.add({ action: 'ReceiveMessage', effect: { kind: 'throttle' } });
  expect(await agent.work.receiveLast()).toBe('unknown');
  fault.remove();
  await bench.send('x');
  expect(await agent.work.receiveLast()).toBe('found');
  await bench.send('y');
  await agent.done(2);
  await bench.empty();
});

test('it is idle since the last job was settled', async () => {
  const bench = await open();
  const agent = await bench.agent('true');
  const sinceMs = agent.work.state().idleSinceMs ?? 0;
  await bench.send('x');
  agent.work.resume();
  await agent.busy();
  expect(agent.work.state().idleSinceMs).toBeUndefined();
  await agent.done(1);
  expect(agent.work.state().idleSinceMs).toBeGreaterThan(sinceMs);
});
