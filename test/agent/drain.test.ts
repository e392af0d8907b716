import { expect, test } from 'vitest';
import { IsolatingRunner } from '../../agent/isolating-runner.ts';
import { systemClock } from '../../aws/clock.ts';
import { openSlotSockets, whyNoSlots } from '../../bench/stage/slot-sockets.ts';
import { eventually } from '../support/eventually.ts';
import { openBench } from './queue.ts';

const open = openBench();

test('a drain lets running jobs end, settles them, and takes no other', async () => {
  const bench = await open();
  const agent = await bench.agent('echo start >> $JOURNAL; until [ -e go ]; do sleep 0.05; done', {
    leaseSeconds: 4,
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

test('a job that outlives the drain is stopped and handed back, and costs no attempt', async () => {
  const bench = await open();
  const agent = await bench.agent('echo start >> $JOURNAL; exec sleep 60', { leaseSeconds: 4 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await eventually('the worker', async () => (await bench.journal()).length === 1);
  await agent.work.drain(0);
  expect(await bench.depth()).toEqual({ visible: 1, held: 0 });
  expect(await bench.table.get(id)).toMatchObject({ state: 'queued', attempts: 0 });
});

test('a job that still waits for a slot of the machine when the drain is over was interrupted', async ({
  skip,
}) => {
  skip(whyNoSlots() !== undefined, whyNoSlots());
  const bench = await open();
  const sockets = await openSlotSockets({ cgroups: 'none' });
  const runner = new IsolatingRunner({
    sockets: sockets.path,
    slots: 1,
    command: ['true'],
    environment: { PATH: '/usr/bin:/bin' },
    directory: '/',
    clock: systemClock,
  });
  await runner.check();
  // From here on no slot comes.
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

test('jobs that only waited here for a slot go back untouched: no attempt, no record', async () => {
  const bench = await open();
  const script = 'echo "$1" >> $JOURNAL; [ "$1" = quick ] || exec sleep 60';
  const agent = await bench.agent(script, { leaseSeconds: 4 });
  for (let sent = 0; sent < 5; sent += 1) await bench.send('quick');
  agent.work.resume();
  await agent.done(5);
  await bench.send('long');
  await eventually('the long one', async () => (await bench.journal()).includes('long'));
  const ids = [await bench.send('quick'), await bench.send('quick')];
  await eventually('the others to be at hand', async () => (await bench.depth()).held === 3);
  await agent.work.drain(0);
  expect(await bench.depth()).toEqual({ visible: 3, held: 0 });
  for (const id of ids) expect(await bench.table.get(`m-${id}`)).toBeUndefined();
});

test('what a receive under way at the pause brings is handed back at once, and not run', async () => {
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

test('the last look starts what it finds, and the work goes on', async () => {
  const bench = await open();
  const agent = await bench.agent('true');
  expect(await agent.work.lastLook()).toBe('empty');
  const fault = bench.cloud.faults.add({ action: 'ReceiveMessage', effect: { kind: 'throttle' } });
  expect(await agent.work.lastLook()).toBe('unknown');
  fault.remove();
  await bench.send('x');
  expect(await agent.work.lastLook()).toBe('found');
  await bench.send('y');
  await agent.done(2);
  await bench.empty();
});

test('it is idle from the moment on at which the last job was settled', async () => {
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
