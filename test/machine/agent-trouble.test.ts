import { UpdateAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import { Duration } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';
import { type MachineFleet, TIMEOUT_MS } from './support/fleet.ts';
import { waitForJobEnd } from './support/job.ts';
import { gate } from './support/set-up.ts';
import { expectInOrder, expectReasons, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets({ baked: true });

const AGENT = 'mayfly-agent.service';
const LEASE_SECONDS = 12;
/** Kills the agent, and lets systemd restart it soon. The watchdog ends a hung agent within a lease, before the next worker runs. */
const KILL = `
drop_in=/etc/systemd/system/${AGENT}.d
mkdir -p $drop_in
printf '[Service]\\nRestartSec=2\\n' >$drop_in/quick.conf
systemctl daemon-reload
systemctl kill --kill-whom=main --signal=KILL ${AGENT}`;

test('a job whose agent is killed, hangs or is stopped succeeds once, here or elsewhere', async () => {
  const fleet = await start({
    maxCapacity: 1,
    lease: Duration.seconds(LEASE_SECONDS),
    // The job of a lost agent becomes visible when its lease ends. Until then the machine is idle.
    idleTimeout: Duration.seconds(LEASE_SECONDS + 2),
    drain: Duration.seconds(2),
    stopGrace: Duration.seconds(5),
  });
  const { lines, retirement, savedLog } = tracesOf(fleet);

  const killed = await jobInTrouble(fleet, 'killed', (id) => fleet.on(id, 'sh', '-c', KILL));
  const hung = await jobInTrouble(fleet, 'hung', (id) =>
    fleet.on(id, 'systemctl', 'kill', '--kill-whom=main', '--signal=STOP', AGENT),
  );
  const id = killed.first;
  expect([killed.last, hung.first, hung.last]).toEqual([id, id, id]);
  expectInOrder(await lines(id, AGENT), [
    /code=killed, status=9\/KILL/,
    /^Scheduled restart job|Scheduled restart/,
    /"again":true.*"msg":"ready for work"/,
    /Watchdog timeout/,
    /code=killed, status=6\/ABRT/,
    /"again":true.*"msg":"ready for work"/,
  ]);

  await fleet.clients.autoScaling.send(
    new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: fleet.stack.group, MaxSize: 2 }),
  );
  const stopped = await jobInTrouble(fleet, 'stopped', (owner) =>
    fleet.on(owner, 'systemctl', 'stop', AGENT),
  );
  expect(stopped.first).toBe(id);
  expect(stopped.last).not.toBe(id);
  expect(stopped.attempts).toBe('1');
  await fleet.gone(id);
  expect(await retirement(id)).toMatchObject({ reason: 'stopped', rung: 'terminate' });
  expect((await savedLog(id))?.text).toContain('was stopped by hand');
  await fleet.backToZero();
  await expectSound(fleet, { sent: 3, succeeded: 3, runs: 6, instances: 2 });
  await expectReasons(fleet);
});

interface Troubled {
  /** Instances of the first and of the last run. */
  first: string;
  last: string;
  attempts: string;
}

/**
 * Sends a job, disturbs its agent while the job runs, and lets the next run end. The checker sees whether the first worker still
 * runs then, because workers write to the journal while they live.
 */
async function jobInTrouble(
  fleet: MachineFleet,
  name: string,
  trouble: (instance: string) => Promise<unknown>,
): Promise<Troubled> {
  const { there, open } = gate(fleet, name);
  const [job = ''] = await fleet.send({ untilFile: there });
  await fleet.event('start', job);
  const first = await fleet.ownerOf(job);
  await trouble(first);
  await eventually(`another run of ${job}`, async () => (await runsOf(fleet, job)) > 1, TIMEOUT_MS);
  await open();
  await fleet.event('end', job);
  const { instance: last, attempts, state } = await waitForJobEnd(fleet, job);
  expect(state).toBe('succeeded');
  return { first, last, attempts };
}

async function runsOf(fleet: MachineFleet, job: string): Promise<number> {
  return (await fleet.journal()).filter((line) => line.event === 'start' && line.job === job).length;
}
