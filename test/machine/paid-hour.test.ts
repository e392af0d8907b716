import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectSound } from '../support/suite.ts';
import type { MachineFleet } from './support/fleet.ts';
import { gate, runInEverySetUp, SET_UP_PROPS } from './support/set-up.ts';
import { machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets();

/** The length of an hour in this test, and the margin before its end. */
const HOUR_SECONDS = 24;
const MARGIN_SECONDS = 4;
const SHORTER = `
hour='"paidPeriodSeconds":${HOUR_SECONDS},"hourMarginSeconds":${MARGIN_SECONDS}'
sed -i "s/\\"billing\\":\\"per-hour\\"/&,$hour/" /etc/mayfly/agent.json
grep -qF "$hour" /etc/mayfly/agent.json`;
/** Longer than the idle timeout of machines that are billed by the second. */
const IDLE_MS = 5000;
/** The launch time has whole seconds. */
const ROUNDED_SECONDS = 1;

test('a machine that is billed by the hour stays to the end of its paid hour, and no longer', async () => {
  const fleet = await start({ ...SET_UP_PROPS, billing: 'per-hour' });
  await runInEverySetUp(fleet, SHORTER);
  const { there, open } = gate(fleet, 'go');
  const [first = ''] = await fleet.send({ untilFile: there });
  const id = await fleet.instance(0);
  await fleet.event('start', first);
  await beginningOfAnHour(fleet, id);
  await open();
  await fleet.event('end', first);
  await delay(IDLE_MS);
  const [second = ''] = await fleet.send({ sleepMs: 100 });
  await fleet.event('end', second);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 2, succeeded: 2, runs: 2, instances: 1 });

  const retirement = await tracesOf(fleet).retirement(id);
  expect(retirement).toMatchObject({ reason: 'paid-hour', rung: 'terminate', jobsDone: '2' });
  const left = paidSeconds(fleet, id, Date.parse(retirement?.['decidedAt'] ?? ''));
  expect(left).toBeLessThanOrEqual(MARGIN_SECONDS + ROUNDED_SECONDS);
  expect(left).toBeGreaterThan(0);
});

/** The rest of the current hour. */
function paidSeconds({ cloud }: MachineFleet, instance: string, atMs: number): number {
  const ageSeconds = (atMs - cloud.instances.get(instance).launchedAt.getTime()) / 1000;
  return HOUR_SECONDS - (ageSeconds % HOUR_SECONDS);
}

/** Waits for the next hour, so that there is time for a job and some idle time. */
async function beginningOfAnHour(fleet: MachineFleet, instance: string): Promise<void> {
  await delay((paidSeconds(fleet, instance, Date.now()) + ROUNDED_SECONDS) * 1000);
}
