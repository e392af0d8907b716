import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';

const open = deployedFleets();
const LONG_MS = 240_000;

let fleet: DeployedFleet;
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.log(await fleet.failureDetails());
});

it(
  'fleet drain: one of two instances ends its job and leaves, and the other runs the further jobs',
  async () => {
    fleet = await open({ maxCapacity: 2 }, { timeoutMs: 60_000 });
    const { mayfly } = fleet;
    const gates = ['first', 'second'].map((name) => join(fleet.directory, name));
    const jobs = await fleet.send(...gates.map((untilFile) => ({ untilFile })));
    for (const job of jobs) await fleet.event('start', job);
    const [job = '', other = ''] = jobs;
    const [drained, stays] = [await fleet.ownerOf(job), await fleet.ownerOf(other)];

    expect(await mayfly('fleet', 'drain', 'i-none')).toMatchObject({
      exitCode: 1,
      stderr: 'mayfly: There is no instance i-none in fleet Test/test. `mayfly fleet` shows all instances.',
    });
    expect(await mayfly('fleet', 'drain', drained)).toMatchObject({
      exitCode: 0,
      stdout: `${drained} takes no new job after its agent's next report, within a minute, and leaves when its job has ended.`,
    });
    const again = await mayfly('fleet', 'drain', drained, '--json');
    expect(JSON.parse(again.stdout)).toEqual({
      instance: drained,
      outcome: 'requested',
      drainRequestedAt: expect.any(String),
      jobs: [job],
    });
    await eventually('its agent to know of it', async () => {
      const { instances } = await fleet.library.describe();
      return instances.find(({ instance }) => instance === drained)?.next?.reason === 'drained';
    });
    const [third = ''] = await fleet.send({});
    // As often as a call is tried, so that the first poll of the wait fails.
    const fewer = fleet.cloud.faults.add({
      caller: 'owner',
      action: 'DescribeAutoScalingGroups',
      times: 3,
      effect: { kind: 'throttle' },
    });
    const waited = mayfly('fleet', 'drain', drained, '--wait');
    await eventually('AWS to throttle the calls', () => fewer.timesApplied === 3);
    await writeFile(gates[0] ?? '', '');
    const gone = await waited;
    expect(gone).toMatchObject({ exitCode: 0, stdout: `${drained} is gone (drained by an operator).` });
    await writeFile(gates[1] ?? '', '');
    await fleet.event('end', third);
    expect((await fleet.event('start', third)).instance).not.toBe(drained);
    const { retired } = await fleet.library.describe();
    expect(retired).toContainEqual(
      expect.objectContaining({ instance: drained, reason: 'drained', jobsDone: 1 }),
    );
    expect(stays).not.toBe(drained);
    await fleet.backToZero();
    await expectSound(fleet, { sent: 3, succeeded: 3 });
  },
  LONG_MS,
);
