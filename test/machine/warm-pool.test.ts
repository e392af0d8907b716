import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';
import { TIMEOUT_MS } from './support/fleet.ts';
import { expectInOrder, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets();
const WARM_POOL = { warmPool: {} };

test('a machine is set up, stopped in the warm pool, and started again for a job, without another set-up', async () => {
  const fleet = await start(WARM_POOL);
  const id = await fleet.instance(0);
  const { instances } = fleet.cloud;
  await eventually('that it waits', () => instances.get(id).state === 'stopped', TIMEOUT_MS);
  const [job = ''] = await fleet.send({ sleepMs: 200 });
  await fleet.event('end', job);
  await fleet.gone(id);
  expectInOrder(await tracesOf(fleet).lines(id), [
    /^mayfly-boot: run the playbook/,
    /"msg":"waiting in the warm pool"/,
    /^Journal stopped/,
    /"msg":"ready for work"/,
    /"state":"succeeded","msg":"job ended"/,
    /"reason":"idle".*"msg":"retired"/,
    /^Journal stopped/,
  ]);
  const boots = (await fleet.machineJournal(id)).filter(({ MESSAGE }) =>
    MESSAGE.startsWith('mayfly-boot: run the playbook'),
  );
  expect(boots).toHaveLength(1);
  // Another one replaces it in the pool.
  expect(await fleet.instance(1)).not.toBe(id);
  await expectSound(fleet, { succeeded: 1, runs: 1 });
});
