import { expect, test } from 'vitest';
import { type Fleet, GROUP, openFleet } from '../support/agent-fleet.ts';
import { eventually } from '../support/eventually.ts';
import { createKeeper } from '../support/keeper.ts';

const open = openFleet();
const QUOTA =
  'You have requested more vCPU capacity than your current vCPU limit of 2 allows for the instance bucket that the ' +
  'specified instance type belongs to';
const scope = { AutoScalingGroupName: GROUP };

/** EC2 has capacity for only some of the desired instances. */
async function openRefused(desired: number, room: number): Promise<Fleet> {
  const fleet = await open({ desired: 0, hooks: false });
  let running = 0;
  fleet.faults.add({
    ...{ service: 'ec2', action: 'RunInstances', caller: 'cloud', when: () => ++running > room },
    effect: { kind: 'error', code: 'VcpuLimitExceeded', message: QUOTA, status: 400 },
  });
  await fleet.call('autoscaling', 'SetDesiredCapacity', { ...scope, DesiredCapacity: desired });
  await fleet.launcher.booted(room);
  await eventually('the refusals', async () => (await launches(fleet)).filter(isRefused).length > 0);
  return fleet;
}

async function launches(fleet: Fleet): Promise<{ StatusCode: string }[]> {
  const { Activities } = await fleet.call('autoscaling', 'DescribeScalingActivities', scope);
  return Activities as { StatusCode: string }[];
}

const isRefused = ({ StatusCode }: { StatusCode: string }) => StatusCode === 'Failed';

test('a desired capacity that EC2 refuses is set to the present instances once no job needs more', async () => {
  const fleet = await openRefused(8, 2);
  await fleet.send('a');
  const keeper = await createKeeper(fleet);
  await keeper.after(4);
  expect(await keeper.after(5)).not.toContain('lower-desired');
  await fleet.call('sqs', 'PurgeQueue', { QueueUrl: fleet.queueUrl });
  expect(await keeper.after(6)).toContain('record-unneeded');
  expect((await fleet.group()).desired).toBe(8);
  expect(await keeper.after(7)).toContain('lower-desired');
  expect((await fleet.group()).desired).toBe(2);
  expect(await keeper.after(8)).toContain('record-unneeded');
  expect(await keeper.after(9)).toEqual([]);
});

test('it is not set below the minimum', async () => {
  const fleet = await openRefused(8, 2);
  await fleet.call('autoscaling', 'UpdateAutoScalingGroup', { ...scope, MinSize: 3 });
  const keeper = await createKeeper(fleet);
  await keeper.after(4);
  await keeper.after(5);
  expect((await fleet.group()).desired).toBe(3);
  expect(await keeper.after(8)).not.toContain('lower-desired');
});

test('a correction that fails after it was recorded is repeated', async () => {
  const fleet = await openRefused(8, 2);
  const keeper = await createKeeper(fleet);
  await keeper.after(4);
  const throttled = { action: 'SetDesiredCapacity', effect: { kind: 'throttle' } } as const;
  const fault = fleet.faults.add(throttled);
  await expect(keeper.after(5)).rejects.toThrow('Rate exceeded');
  fault.remove();
  await keeper.after(6);
  expect((await fleet.group()).desired).toBe(2);
});
