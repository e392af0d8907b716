import { Size } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { expectSound } from '../support/suite.ts';
import type { MachineFleet } from './support/fleet.ts';
import { waitForJobEnd } from './support/job.ts';
import { expectReasons, machineFleets } from './support/suite.ts';

const start = machineFleets({ baked: true });

const MEMORY = Size.mebibytes(192);
const BYTES = MEMORY.toMebibytes() * 2 ** 20;

/** Leaves two daemons: one in its own session, one that `init` has adopted. */
const LEAVE_DAEMONS = `
setsid sh -c 'trap "" TERM HUP; echo $$ >/mnt/shared/daemons; exec sleep 1000' >/dev/null 2>&1 &
sh -c 'sleep 1000 >/dev/null 2>&1 & echo $! >>/mnt/shared/adopted'
until [ -s /mnt/shared/daemons ]; do sleep 0.1; done
cat /mnt/shared/adopted >>/mnt/shared/daemons
for pid in $(cat /mnt/shared/daemons); do kill -0 $pid && echo alive; done
grep ^0:: /proc/self/cgroup`;

const LOOK_FOR_DAEMONS = `
for pid in $(cat /mnt/shared/daemons); do kill -0 $pid 2>/dev/null && echo alive; done
grep ^0:: /proc/self/cgroup`;

/** Tries to attack the agent, and prints what worked. */
const meddle = (agent: number) => `
try() { "$@" >/dev/null 2>&1 && echo "worked: $*"; }
for signal in 0 STOP KILL; do try kill -$signal ${agent}; done
try cat /proc/${agent}/environ
try readlink /proc/${agent}/fd/0
try cat /var/lib/mayfly/ready.json
try touch /var/lib/mayfly/retirement.json
try touch /run/mayfly-boot/retiring
try systemctl stop mayfly-agent.service
try systemctl poweroff
echo over`;

const EATEN = 2 * BYTES;
const EAT = `python3 -c 'print(len(b"x" * ${EATEN}))'`;

test('what workers leave behind, want of the agent or take too much of ends nothing but themselves', async () => {
  const fleet = await start({
    workerMemory: MEMORY,
    workerCpu: 0.75,
    workerTasks: 100,
    maxAttempts: 1,
    maxCapacity: 1,
  });
  const [leaving = '', looking = ''] = await fleet.send(
    { shell: LEAVE_DAEMONS },
    { shell: LOOK_FOR_DAEMONS },
  );
  const id = await fleet.instance(0);
  const left = await waitForJobEnd(fleet, leaving);
  expect(left).toMatchObject({ state: 'succeeded', output: expect.stringMatching(/^alive\nalive\n0::/) });
  // In the same slot: no new one was needed.
  expect((await waitForJobEnd(fleet, looking)).output).toBe(left.output.replaceAll('alive\n', ''));

  const agent = await workingAgent(fleet, id);
  // Half the lease, which is less than the 90 s of the unit.
  expect(await shown(fleet, id, 'mayfly-agent.service', 'WatchdogUSec')).toBe('10s');
  const { enforced, ...limits } = await limitsOfSlot(fleet, id);
  expect(limits).toEqual({ cpu: '750ms', memory: `${BYTES}`, tasks: '100' });
  const [eating = '', meddling = ''] = await fleet.send({ shell: EAT }, { shell: meddle(agent.MainPID) });
  const eaten = await waitForJobEnd(fleet, eating);
  if (enforced) expect(eaten.reason).toContain('the worker ran out of memory (limit 192 MiB)');
  else expect(eaten).toMatchObject({ state: 'succeeded', output: `${EATEN}\n` });
  expect((await waitForJobEnd(fleet, meddling)).output).toBe('over\n');
  expect(await workingAgent(fleet, id)).toEqual(agent);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 4, succeeded: enforced ? 3 : 4, runs: 4, instances: 1 });
  await expectReasons(fleet);
});

const workingAgent = (fleet: MachineFleet, instance: string) =>
  fleet.unit(instance, 'mayfly-agent.service', ({ ActiveState }) => ActiveState === 'active');

/** A property of a unit. */
async function shown(fleet: MachineFleet, instance: string, unit: string, name: string): Promise<string> {
  return (await fleet.on(instance, 'systemctl', 'show', '--value', `--property=${name}`, unit)).stdout.trim();
}

/** The limits of a slot, and whether this kernel has the memory controller that enforces them. */
async function limitsOfSlot(fleet: MachineFleet, instance: string) {
  const show = (name: string) => shown(fleet, instance, 'mayfly-slot@*.service', name);
  const file = `/sys/fs/cgroup${await show('ControlGroup')}/memory.max`;
  return {
    memory: await show('MemoryMax'),
    cpu: await show('CPUQuotaPerSecUSec'),
    tasks: await show('TasksMax'),
    enforced: (await fleet.on(instance, 'test', '-e', file)).status === 0,
  };
}
