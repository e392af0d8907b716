import { expect, test } from 'vitest';
import { systemClock } from '../../../aws/clock.ts';
import { drainInstance } from '../../../client/instances/drain.ts';
import { createInstanceStore } from '../../../store/instance-store.ts';
import { openFleet, TABLE } from '../../support/agent-fleet.ts';
import { createContext } from '../../support/keeper.ts';

const open = openFleet();

test('repeats the request if an instance that was leaving stays', async () => {
  const fleet = await open({ desired: 1, hooks: false });
  const [id = ''] = Object.keys((await fleet.group()).states);
  const store = createInstanceStore(fleet.clients.dynamodb, TABLE, 3600);
  const at = new Date().toISOString();
  await store.recordStart(id, at, Date.now());
  const how = { rung: 'terminate', tries: 1, idleSeconds: 60, jobsDone: 0 } as const;
  await store.recordRetirement(id, { reason: 'idle', decidedAt: at, endedAt: at, ...how }, 'instances');
  const asked: (string | undefined)[] = [];
  let nowMs = 0;
  const clock = {
    now: () => systemClock.now(),
    errorMs: () => 0,
    machineNow: () => systemClock.machineNow(),
    monotonic: () => nowMs,
    async sleep(ms: number) {
      nowMs += ms;
      asked.push((await fleet.instanceRecord(id)).drainRequestedAt);
      // The group keeps it, because it is at its minimum size.
      if (asked.length === 1) await store.cancelRetirement(id);
    },
  };
  const drained = await drainInstance(createContext(fleet, clock), id, { wait: true, timeoutSeconds: 10 });
  expect(asked).toEqual([undefined, expect.stringMatching(/^\d{4}-/)]);
  expect(drained).toMatchObject({ outcome: 'requested', drainRequestedAt: asked[1] });
});
