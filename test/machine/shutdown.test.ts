import { Duration } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { expectSound } from '../support/suite.ts';
import { endOf } from './support/job.ts';
import { expectInOrder, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets({ baked: true });

test('a machine that is told to switch off in mid-job lets the job end first: its slot outlives its agent', async () => {
  const fleet = await start({ drain: Duration.seconds(60) });
  const [job = ''] = await fleet.send({ sleepMs: 6_000 });
  await fleet.event('start', job);
  const id = await fleet.ownerOf(job);
  await fleet.on(id, 'systemctl', 'poweroff');
  expect(await endOf(fleet, job)).toMatchObject({ state: 'succeeded', attempts: '1', instance: id });
  await fleet.gone(id);
  const { lines, retirement } = tracesOf(fleet);
  expect(await retirement(id)).toMatchObject({ reason: 'stopped' });
  expectInOrder(await lines(id), [
    /"running":1,"msg":"draining"/,
    /"state":"succeeded","msg":"job ended"/,
    /^Stopped mayfly-agent\.service/,
    /^Reached target shutdown\.target/,
  ]);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 1, succeeded: 1, runs: 1, instances: 2 });
});
