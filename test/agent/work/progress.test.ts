import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { testQueues } from '../../support/test-queue.ts';

const open = testQueues();

test('receives follow each other while there is room, and leases have due times while jobs run', async () => {
  const bench = await open();
  const script = 'until [ -e $DIRECTORY/go ]; do sleep 0.05; done';
  const agent = await bench.agent(script, { leaseSeconds: 30, concurrency: 1 });
  expect(agent.work.progress()).toEqual({ receiving: false, leasesDueMs: Number.POSITIVE_INFINITY });
  agent.work.resume();
  expect(agent.work.progress().receiving).toBe(true);
  await bench.send('x');
  await agent.busy();
  await eventually('the receive to be over', () => !agent.work.progress().receiving);
  const { leasesDueMs } = agent.work.progress();
  expect(leasesDueMs - performance.now()).toBeGreaterThan(5000);
  expect(leasesDueMs - performance.now()).toBeLessThan(10_000);
  await bench.touch('go');
  await agent.done(1);
  expect(agent.work.progress()).toEqual({ receiving: true, leasesDueMs: Number.POSITIVE_INFINITY });
  void agent.work.pause();
  expect(agent.work.progress().receiving).toBe(false);
});
