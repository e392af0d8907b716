import { UpdateAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import { Duration } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';
import { type MachineFleet, TIMEOUT_MS } from './support/fleet.ts';
import { gate } from './support/set-up.ts';
import { machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets({ baked: true });
const TERMINATE = 'TerminateInstanceInAutoScalingGroup';

test('refused calls are repeated, instances at the minimum keep working, also after a reboot, and one that is always refused powers off', async () => {
  const fleet = await start({ retirementBudget: Duration.seconds(15) });
  const { statuses, decremented, retirement, activities, lines } = tracesOf(fleet);
  const gates = [gate(fleet, 'first'), gate(fleet, 'second')];
  const jobs = await fleet.send(...gates.map(({ there }) => ({ untilFile: there })));
  const owners = await Promise.all(jobs.map((job) => fleet.ownerOf(job)));
  const [first = '', last = ''] = owners;
  expect(new Set(owners).size).toBe(2);
  // Without the right image these tests would only be slow, which nobody would notice (`bakedImage`).
  const quick = async () =>
    (await lines(first)).includes('mayfly-boot: this image was baked for this very tree');
  await eventually('user-data', quick, TIMEOUT_MS);

  // The first instance leaves after some refusals.
  fleet.cloud.faults.add({
    caller: first,
    action: TERMINATE,
    times: 2,
    effect: { kind: 'error', code: 'Throttling', status: 429 },
  });
  fleet.cloud.faults.add({
    caller: first,
    action: TERMINATE,
    times: 1,
    effect: { kind: 'error', code: 'InternalFailure', status: 500 },
  });
  await gates[0]?.open();
  await fleet.gone(first);
  expect(await statuses(first, TERMINATE)).toEqual([429, 429, 500, 200]);
  expect(await decremented(first)).toBe(true);
  expect(await retirement(first)).toMatchObject({ reason: 'idle', rung: 'terminate' });

  // The other one is at the minimum of its group, which it learns only from a refusal.
  const blind = fleet.cloud.faults.add({
    caller: last,
    action: 'DescribeAutoScalingGroups',
    effect: { kind: 'error', code: 'InternalFailure', status: 500 },
  });
  await setMinimum(fleet, 1);
  await gates[1]?.open();
  await eventually('a refusal', async () => (await statuses(last, TERMINATE)).length === 1, TIMEOUT_MS);
  expect(await statuses(last, TERMINATE)).toEqual([400]);
  await works(fleet, last);
  expect(await retirement(last)).toBeUndefined();
  blind.remove();

  await fleet.on(last, 'systemctl', 'reboot');
  await eventually('a second boot', async () => (await boots(fleet, last)) === 2, TIMEOUT_MS);
  await fleet.unit(last, 'mayfly-agent.service', ({ ActiveState }) => ActiveState === 'active');
  await works(fleet, last);
  expect(await retirement(last)).toBeUndefined();

  // From now on all calls that terminate it are refused.
  fleet.cloud.faults.add({
    caller: last,
    action: [TERMINATE, 'SetInstanceHealth'],
    effect: { kind: 'error', code: 'InternalFailure', status: 500 },
  });
  await setMinimum(fleet, 0);
  await fleet.gone(last);
  expect(await retirement(last)).toMatchObject({ reason: 'idle', rung: 'power-off' });
  expect((await statuses(last, TERMINATE)).filter((status) => status === 200)).toEqual([]);
  await fleet.backToZero();
  expect((await activities(last)).join()).toMatch(/terminated or stopped|user request/);
  await expectSound(fleet, { sent: 4, succeeded: 4, runs: 4 });
});

/** Expects that a machine runs another job. */
async function works(fleet: MachineFleet, instance: string): Promise<void> {
  const [job = ''] = await fleet.send({ sleepMs: 1000 });
  expect(await fleet.ownerOf(job)).toBe(instance);
  await fleet.event('end', job);
}

async function setMinimum(fleet: MachineFleet, MinSize: number): Promise<void> {
  const AutoScalingGroupName = fleet.stack.group;
  await fleet.clients.autoScaling.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName, MinSize }));
}

async function boots(fleet: MachineFleet, instance: string): Promise<number> {
  return new Set((await fleet.machineJournal(instance)).map(({ _BOOT_ID }) => _BOOT_ID)).size;
}
