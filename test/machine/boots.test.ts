import {
  type AutoScalingGroup,
  DescribeAutoScalingGroupsCommand,
  ResumeProcessesCommand,
  SetDesiredCapacityCommand,
} from '@aws-sdk/client-auto-scaling';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';
import { type MachineFleet, TIMEOUT_MS } from './support/fleet.ts';
import { runInEverySetUp, runInSetUp, SET_UP_PROPS } from './support/set-up.ts';
import { expectReasons, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets();

const BUDGET_SECONDS = 15;
const HANGS = `
mkdir -p /etc/systemd/system/mayfly-deadman.service.d
printf '[Service]\\nEnvironment=MAYFLY_BOOT_SECONDS=${BUDGET_SECONDS}\\n' \\
  >/etc/systemd/system/mayfly-deadman.service.d/short.conf
systemctl daemon-reload
sleep 1000`;
const REBOOTS = 'systemctl reboot; sleep 1000';
const FAILS = 'echo no such package: hammer; exit 1';

test('three boots that fail, hang or are interrupted by a reboot open the breaker until an operator resumes launches', async () => {
  const fleet = await start(SET_UP_PROPS);
  const { statuses, decremented, savedLog, retirement, lines } = tracesOf(fleet);
  const mend = await runInEverySetUp(fleet, FAILS);
  const jobs = await fleet.send({ sleepMs: 100 }, { sleepMs: 100 });
  const [hanging, rebooting] = await Promise.all([fleet.instance(0), fleet.instance(1)]);
  await runInSetUp(fleet, hanging, HANGS);
  await runInSetUp(fleet, rebooting, REBOOTS);
  const failing = await fleet.instance(2);
  const broken = [hanging, rebooting, failing];
  for (const id of broken) await fleet.gone(id);

  for (const id of broken) {
    expect(await retirement(id)).toMatchObject({ reason: 'boot-failed', rung: 'terminate' });
    expect(await decremented(id)).toBe(true);
    expect((await savedLog(id))?.key).toContain('-boot-failed.log');
    expect(await lines(id, 'mayfly-agent.service')).toEqual([]);
    expect(await statuses(id, 'CompleteLifecycleAction')).toContain(200);
  }
  const why = async (id: string) => (await retirement(id))?.['problem'];
  expect(await why(hanging)).toMatch(/the boot has not finished after \d+ s/);
  expect(await why(rebooting)).toBe('the machine was restarted during its boot');
  expect(await why(failing)).toMatch(/^could not run the playbook: .*no such package: hammer/);
  expect((await savedLog(failing))?.text).toContain('no such package: hammer');

  await eventually('the breaker', () => isSuspended(fleet), TIMEOUT_MS);
  const launched = fleet.launched().length;
  await mend();
  // While jobs wait, an instance is desired although the breaker is open.
  const AutoScalingGroupName = fleet.stack.group;
  if ((await groupOf(fleet))?.DesiredCapacity === 0) {
    await fleet.clients.autoScaling.send(
      new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity: 1 }),
    );
  }
  expect(fleet.launched()).toHaveLength(launched);
  await fleet.clients.autoScaling.send(
    new ResumeProcessesCommand({ AutoScalingGroupName, ScalingProcesses: ['Launch'] }),
  );
  for (const job of jobs) await fleet.event('end', job);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 2, succeeded: 2, runs: 2 });
  await expectReasons(fleet);
});

async function isSuspended(fleet: MachineFleet): Promise<boolean> {
  const { SuspendedProcesses = [] } = (await groupOf(fleet)) ?? {};
  return SuspendedProcesses.some(({ ProcessName }) => ProcessName === 'Launch');
}

async function groupOf(fleet: MachineFleet): Promise<AutoScalingGroup | undefined> {
  const { AutoScalingGroups } = await fleet.clients.autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [fleet.stack.group] }),
  );
  return AutoScalingGroups?.[0];
}
