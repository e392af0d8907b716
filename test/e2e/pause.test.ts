import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { expect, test } from 'vitest';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';

const open = deployedFleets();

async function isLaunchSuspended({ clients, stack }: DeployedFleet): Promise<boolean> {
  const { AutoScalingGroups } = await clients.autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [stack.group] }),
  );
  return (AutoScalingGroups?.[0]?.SuspendedProcesses ?? []).some(
    ({ ProcessName }) => ProcessName === 'Launch',
  );
}

/** Waits for this number of further runs of the keeper. */
async function kept({ library }: DeployedFleet, times: number): Promise<void> {
  let last = (await library.describe()).keeper.ranAt;
  for (let runs = 0; runs < times; runs++) {
    last = await eventually('a run of the keeper', async () => {
      const { ranAt } = (await library.describe()).keeper;
      return ranAt !== last && ranAt;
    });
  }
}

test('a paused fleet ends its jobs and starts none; after resume it runs those that waited', async () => {
  const fleet = await open();
  const [first = ''] = await fleet.send({ sleepMs: 3000 });
  await fleet.event('start', first);
  const paused = await fleet.library.pause();
  expect(paused).toEqual({ pausedAt: expect.any(String), alreadyPaused: false });
  expect(await isLaunchSuspended(fleet)).toBe(true);
  await fleet.event('end', first);
  const [second = ''] = await fleet.send({});
  await eventually('the instance to retire', async () => (await fleet.instances()).length === 0);
  // Enough for the alarm, which needs a minute of the cloud, and for a run of the keeper.
  await kept(fleet, 3);
  expect(await fleet.library.describe()).toMatchObject({
    queue: { visible: 1, inFlight: 0, waitingSince: expect.any(String) },
    launches: { suspended: true, reason: 'paused', since: paused.pausedAt },
    instances: [],
    retired: [{ reason: 'idle', jobsDone: 1 }],
  });
  expect((await fleet.journal()).map(({ job }) => job)).not.toContain(second);

  expect(await fleet.library.resume()).toEqual({ pausedAt: paused.pausedAt, suspended: true });
  await fleet.event('end', second);
  await fleet.backToZero();
  expect((await fleet.library.describe()).launches).toEqual({ suspended: false });
  await expectSound(fleet, { sent: 2, succeeded: 2 });
});

test('pause and resume can be repeated, and return what they did', async () => {
  const fleet = await open();
  const { library } = fleet;
  expect(await library.resume()).toEqual({ suspended: false });
  const { pausedAt } = await library.pause();
  expect(await library.pause()).toEqual({ pausedAt, alreadyPaused: true });
  expect(await library.resume()).toEqual({ pausedAt, suspended: true });
  expect(await library.resume()).toEqual({ suspended: false });
  expect(await isLaunchSuspended(fleet)).toBe(false);
});

test('a pause is effective although SuspendProcesses fails', async () => {
  const fleet = await open();
  fleet.cloud.faults.add({
    action: 'SuspendProcesses',
    caller: 'owner',
    effect: { kind: 'error', code: 'AccessDenied', status: 403 },
  });
  await expect(fleet.library.pause()).rejects.toMatchObject({ name: 'AccessDeniedError' });
  await eventually('the keeper to suspend launches', () => isLaunchSuspended(fleet));
  expect((await fleet.library.describe()).launches).toMatchObject({ reason: 'paused', suspended: true });
});

test('resume fails for a fleet whose group is gone', async () => {
  const fleet = await open();
  fleet.library.context.facts.group = 'gone';
  await expect(fleet.library.resume()).rejects.toMatchObject({
    name: 'StoreGoneError',
    message: expect.stringContaining('gone'),
  });
});
