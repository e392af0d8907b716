import { Duration } from 'aws-cdk-lib';
import { expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';
import { TIMEOUT_MS } from './support/fleet.ts';
import { waitForJobEnd } from './support/job.ts';
import { gate } from './support/set-up.ts';
import { expectInOrder, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets({ baked: true });
const DRAINS = /"running":1,"msg":"draining"/;

test('a machine that powers off during a job lets the job end first: its slot runs longer than its agent', async () => {
  const fleet = await start({ drain: Duration.minutes(5) });
  const { lines, retirement } = tracesOf(fleet);
  const { there, open } = gate(fleet, 'go');
  const [job = ''] = await fleet.send({ untilFile: there });
  await fleet.event('start', job);
  const id = await fleet.ownerOf(job);
  await fleet.on(id, 'systemctl', 'poweroff');
  await eventually('the drain', async () => (await lines(id)).some((line) => DRAINS.test(line)), TIMEOUT_MS);
  await open();
  expect(await waitForJobEnd(fleet, job)).toMatchObject({ state: 'succeeded', attempts: '1', instance: id });
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

/** The inhibitor of apt while it installs packages. */
const INSTALLS = ['systemd-inhibit', '--what=shutdown', '--mode=block', '--who=apt', 'sleep', 'infinity'];
const SWITCH_OFF = ['sh', '-c', 'echo switching off; . /usr/local/lib/mayfly/aws.sh; switch_off'];
/** Less than the time until the next way is tried. */
const SOON_MS = 150_000;

test('a machine is powered off by the first way, also while a package is installed', async () => {
  const fleet = await start({ drain: Duration.seconds(1), stopGrace: Duration.seconds(5) });
  const { there, open } = gate(fleet, 'go');
  const [job = ''] = await fleet.send({ untilFile: there });
  await fleet.event('start', job);
  const id = await fleet.ownerOf(job);
  await fleet.on(id, 'systemd-run', '--unit=installs', ...INSTALLS);
  const inhibitors = async () => (await fleet.on(id, 'systemd-inhibit', '--list')).stdout;
  await eventually('the inhibitor', async () => /^apt .*shutdown/m.test(await inhibitors()), TIMEOUT_MS);
  // systemd 257 refuses this to root too.
  if (inject('release') === 'debian-13') {
    expect(await fleet.on(id, 'systemctl', 'poweroff')).toMatchObject({ status: 1 });
  }
  await fleet.on(id, 'systemd-run', '--unit=switch-off', ...SWITCH_OFF);
  await fleet.gone(id);
  const at = async (pattern: RegExp) => {
    const entry = (await fleet.machineJournal(id)).find(({ MESSAGE }) => pattern.test(MESSAGE));
    return Number(entry?.__REALTIME_TIMESTAMP) / 1000;
  };
  expect((await at(/^Reached target shutdown\.target/)) - (await at(/^switching off$/))).toBeLessThan(
    SOON_MS,
  );
  await open();
  expect(await waitForJobEnd(fleet, job)).toMatchObject({ state: 'succeeded' });
  await fleet.backToZero();
  await expectSound(fleet, { sent: 1, succeeded: 1, runs: 2, instances: 2 });
});
