import { Duration } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';
import { PATIENCE_MS } from './support/fleet.ts';
import { endOf } from './support/job.ts';
import { gate } from './support/orders.ts';
import { expectInOrder, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets({ baked: true });
const DRAINS = /"running":1,"msg":"draining"/;

test('a machine that is told to switch off in mid-job lets the job end first: its slot outlives its agent', async () => {
  const fleet = await start({ drain: Duration.minutes(5) });
  const { lines, retirement } = tracesOf(fleet);
  const { there, open } = gate(fleet, 'go');
  const [job = ''] = await fleet.send({ untilFile: there });
  await fleet.event('start', job);
  const id = await fleet.ownerOf(job);
  await fleet.on(id, 'systemctl', 'poweroff');
  await eventually('the drain', async () => (await lines(id)).some((line) => DRAINS.test(line)), PATIENCE_MS);
  await open();
  expect(await endOf(fleet, job)).toMatchObject({ state: 'succeeded', attempts: '1', instance: id });
  await fleet.gone(id);
  expect(await retirement(id)).toMatchObject({ reason: 'stopped' });
  expectInOrder(await lines(id), [
    DRAINS,
    /"state":"succeeded","msg":"job ended"/,
    /^Stopped mayfly-agent\.service/,
    /^Reached target shutdown\.target/,
  ]);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 1, succeeded: 1, runs: 1, instances: 2 });
});
