import { expect, test } from 'vitest';
import { pauseFleet, resumeFleet } from '../../client/instances/pause.ts';
import type { RetirementReason } from '../../jobs/record.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { type Fleet, openFleet, TABLE } from '../support/agent-fleet.ts';
import { createContext, createKeeper, type Keeper } from '../support/keeper.ts';

const open = openFleet();
const MINUTE_MS = 60_000;

interface Stalled {
  fleet: Fleet;
  keeper: Keeper;
  /** All three report at this minute. The first one may report that it has just started a job. */
  report(minutes: number, started?: boolean): Promise<void>;
  /** All three end at this minute. All but the last one retire by themselves. */
  go(minutes: number, lastReason?: RetirementReason): Promise<void>;
}

/** Two jobs wait, and three instances are ready for them. */
async function openStalled(): Promise<Stalled> {
  const fleet = await open({ desired: 3, hooks: false });
  for (const body of ['a', 'b']) await fleet.send(body);
  const instances = (await fleet.launcher.booted(3)).map(({ instanceId }) => instanceId);
  const store = createInstanceStore(fleet.clients.dynamodb, TABLE, 60);
  const startedMs = Date.now();
  const timeOf = (minutes: number) => startedMs + minutes * MINUTE_MS;
  const readyMs = timeOf(0.5);
  const readyAt = new Date(readyMs).toISOString();
  for (const instance of instances) await store.recordReady(instance, { readyAt }, readyMs);
  return {
    fleet,
    keeper: await createKeeper(fleet),
    async report(minutes, started = false) {
      const heardMs = timeOf(minutes);
      for (const [index, instance] of instances.entries()) {
        const lastStartMs = started && index === 0 ? { lastStartMs: heardMs } : {};
        await store.recordReport(instance, heardMs, {
          ...{ running: 0, slots: 1, jobsDone: 0, next: 'work', ...lastStartMs },
        });
      }
    },
    async go(minutes, lastReason = 'idle') {
      const at = new Date(timeOf(minutes)).toISOString();
      for (const [index, instance] of instances.entries()) {
        const reason = index === 2 ? lastReason : 'idle';
        const how = { rung: 'terminate', tries: 1, idleSeconds: 60, jobsDone: 0 } as const;
        await store.recordRetirement(instance, { reason, decidedAt: at, endedAt: at, ...how }, 'retired');
        await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
          ...{ InstanceId: instance, ShouldDecrementDesiredCapacity: true },
        });
      }
      await expect.poll(async () => (await fleet.group()).states).toEqual({});
    },
  };
}

test('three that ran while jobs waited, and started none, open the breaker once they are gone', async () => {
  const { keeper, report, go } = await openStalled();
  expect(await keeper.after(0)).toContain('record-stall');
  for (const minute of [1, 2, 3, 4]) {
    await report(minute);
    const done = await keeper.after(minute);
    expect(done).not.toContain('trip-breaker');
    expect(done).not.toContain('record-stall');
  }
  await go(5);
  expect(await keeper.after(6)).not.toContain('trip-breaker');
  expect(await keeper.after(7)).toContain('trip-breaker');
  expect(await keeper.suspended()).toContain('Launch');
});

test('they do not if an instance of the fleet started a job', async () => {
  const { keeper, report, go } = await openStalled();
  await keeper.after(0);
  await report(3, true);
  expect(await keeper.after(3)).toContain('record-stall');
  await go(5);
  expect(await keeper.after(7)).not.toContain('trip-breaker');
});

test('they do not if no job waited at one of the runs', async () => {
  const { fleet, keeper, go } = await openStalled();
  await keeper.after(0);
  await fleet.call('sqs', 'PurgeQueue', { QueueUrl: fleet.queueUrl });
  expect(await keeper.after(3)).toContain('record-stall');
  await fleet.send('c');
  await keeper.after(4);
  await go(5);
  expect(await keeper.after(7)).not.toContain('trip-breaker');
});

test('they do not if the fleet was paused', async () => {
  const { fleet, keeper, go } = await openStalled();
  await keeper.after(0);
  await pauseFleet(createContext(fleet));
  await keeper.after(1);
  await go(3);
  // As if it had been resumed before they were launched, so that only the pause counts here.
  await resumeFleet(createContext(fleet, { ...createContext(fleet).clock, now: () => 0 }));
  expect(await keeper.after(3)).not.toContain('trip-breaker');
  expect(await keeper.after(5)).not.toContain('trip-breaker');
});

test.each<RetirementReason>(['spot-interruption', 'rebalance', 'stopped', 'auto-scaling'])(
  'one that ended as %s is not counted',
  async (reason) => {
    const { keeper, go } = await openStalled();
    await keeper.after(0);
    await go(5, reason);
    expect(await keeper.after(7)).not.toContain('trip-breaker');
  },
);
