import { PutLifecycleHookCommand } from '@aws-sdk/client-auto-scaling';
import { Duration } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';
import { type MachineFleet, TIMEOUT_MS } from './support/fleet.ts';
import { gate } from './support/set-up.ts';
import { expectReasons, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets({ baked: true });
const AGENT = 'mayfly-agent.service';

/** Kills the agent, and limits the time for which its restarts wait for metadata. */
const DIES = `
mkdir -p /etc/systemd/system/${AGENT}.d
printf '[Unit]\\nStartLimitBurst=2\\n[Service]\\nTimeoutStartSec=10\\nRestartSec=1\\n' \\
  >/etc/systemd/system/${AGENT}.d/impatient.conf
systemctl daemon-reload
systemctl kill --signal=KILL ${AGENT}`;

const PROPS = {
  maxCapacity: 3,
  // Enough for a boot and a reboot on a busy machine.
  bootBudget: Duration.seconds(150),
  drain: Duration.seconds(1),
  stopGrace: Duration.seconds(5),
};

test('machines without metadata, from the start or later, end; so does one whose agent was stopped by hand', async () => {
  const fleet = await start(PROPS);
  const { decremented, savedLog, retirement, lines, activities } = tracesOf(fleet);
  await letGoSoon(fleet);
  const { there, open } = gate(fleet, 'go');
  fleet.silenceMetadata((id) => id === fleet.launched()[0]);
  const jobs = await fleet.send({ untilFile: there }, { untilFile: there }, { untilFile: there });
  const unborn = await fleet.instance(0);
  const muted = await fleet.instance(1);
  const stopped = await fleet.instance(2);
  await worksOn(fleet, muted, jobs);
  fleet.silenceMetadata((id) => id === muted);
  await fleet.on(muted, 'sh', '-c', DIES);

  // The agent requeues its job for the reboot. After it, the machine works again.
  await worksOn(fleet, stopped, jobs);
  await fleet.on(stopped, 'systemctl', 'reboot');
  await eventually('a second boot', async () => (await boots(fleet, stopped)) === 2, TIMEOUT_MS);
  await fleet.unit(stopped, AGENT, isActive);
  await worksOn(fleet, stopped, jobs);
  await fleet.on(stopped, 'systemctl', 'stop', AGENT);
  await fleet.gone(stopped);
  expect(await retirement(stopped)).toMatchObject({ reason: 'stopped', rung: 'terminate' });
  expect((await retirement(stopped))?.['problem']).toMatch(/^the agent was stopped by hand \d+ s ago$/);
  expect(await decremented(stopped)).toBe(true);
  expect((await savedLog(stopped))?.key).toContain('-stopped.log');
  await open();

  // It never reported, so the keeper terminates it.
  await fleet.gone(unborn);
  expect(await retirement(unborn)).toMatchObject({ reason: 'boot-failed', rung: 'terminate' });
  expect(await lines(unborn, 'mayfly-deadman.timer')).toEqual([]);

  const silent =
    'mayfly-retire: the instance metadata service does not answer: powering off without a record';
  const saidSo = async () => (await lines(muted, 'mayfly-retire.service')).includes(silent);
  await eventually('a log line about the missing metadata', saidSo, TIMEOUT_MS);
  await fleet.gone(muted);
  expect(await activities(muted)).toContainEqual(expect.stringContaining('terminated or stopped'));
  await eventually('why it went', () => retirement(muted), TIMEOUT_MS);
  expect(await retirement(muted)).toMatchObject({ reason: 'lost', rung: 'power-off' });

  for (const job of jobs) await fleet.event('end', job);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 3, succeeded: 3 });
  await expectReasons(fleet);
});

/** The termination hook waits half a minute for an instance that ends without a call, the shortest time that AWS allows. */
async function letGoSoon(fleet: MachineFleet): Promise<void> {
  await fleet.clients.autoScaling.send(
    new PutLifecycleHookCommand({
      AutoScalingGroupName: fleet.stack.group,
      LifecycleHookName: 'termination',
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
      DefaultResult: 'CONTINUE',
      HeartbeatTimeout: 30,
    }),
  );
}

/** Resolves when a machine runs one of these jobs. */
async function worksOn(fleet: MachineFleet, instance: string, jobs: readonly string[]): Promise<void> {
  const has = async (job: string) => {
    if ((await fleet.ownerOf(job)) !== instance) throw new Error(`${job} runs on another machine`);
  };
  await eventually(
    `a job of ${instance}`,
    () =>
      Promise.any(jobs.map(has)).then(
        () => true,
        () => false,
      ),
    TIMEOUT_MS,
  );
}

async function boots(fleet: MachineFleet, instance: string): Promise<number> {
  return new Set((await fleet.machineJournal(instance)).map(({ _BOOT_ID }) => _BOOT_ID)).size;
}

function isActive({ ActiveState }: { ActiveState: string }): boolean {
  return ActiveState === 'active';
}
