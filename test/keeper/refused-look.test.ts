import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { callsOf, type Fleet, LOGS, openFleet, TABLE } from '../agent/retire/fleet.ts';
import { type Keeper, keeperOf } from './keeper.ts';

const open = openFleet();

/** A fleet without its table, whose instances have gone, each with the log of an agent that retired for this reason. */
async function openWithoutTable(...reasons: string[]): Promise<{ fleet: Fleet; keeper: Keeper }> {
  const fleet = await open({ desired: reasons.length, hooks: false });
  const specs = await fleet.launcher.booted(reasons.length);
  for (const [index, { instanceId: InstanceId }] of specs.entries()) {
    const Key = `instances/${InstanceId}/2026-11-29T101112Z-${reasons[index]}.log`;
    await fleet.clients.s3.send(new PutObjectCommand({ Bucket: LOGS, Key, Body: 'denied\n' }));
    await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      ...{ InstanceId, ShouldDecrementDesiredCapacity: true },
    });
  }
  await expect.poll(async () => (await fleet.group()).states).toEqual({});
  await fleet.call('dynamodb', 'DeleteTable', { TableName: TABLE });
  return { fleet, keeper: await keeperOf(fleet, { logBucket: LOGS }) };
}

test('launches are suspended while the table is gone, once three instances in a row went for it', async () => {
  const { fleet, keeper } = await openWithoutTable(
    ...['cannot-use-table', 'cannot-use-table', 'cannot-use-table'],
  );
  await expect(keeper.after(0)).rejects.toThrow('resource not found');
  expect(await keeper.suspended()).toEqual(['Launch']);
  // The alarm stays, however long ago it was.
  await expect(keeper.after(600)).rejects.toThrow('resource not found');
  const metrics = callsOf(fleet, 'PutMetricData').map(({ input }) => input);
  expect(metrics).toMatchObject([{ MetricData: [{ Value: 1 }] }, { MetricData: [{ Value: 1 }] }]);
  expect(callsOf(fleet, 'SuspendProcesses')).toHaveLength(1);
});

test.each<[string, string[], number]>([
  ['two of them went for it', ['cannot-use-table', 'cannot-use-table'], 0],
  ['one of them went for another reason', ['cannot-use-table', 'worker-missing', 'cannot-use-table'], 0],
  ['one of them met an outage of AWS', ['cannot-use-table', 'cannot-receive-outage', 'cannot-use-table'], 0],
  ['they went long ago', ['cannot-use-table', 'cannot-use-table', 'cannot-use-table'], 121],
])('they are not if %s', async (_, reasons, minutes) => {
  const { keeper } = await openWithoutTable(...reasons);
  await expect(keeper.after(minutes)).rejects.toThrow('resource not found');
  expect(await keeper.suspended()).toEqual([]);
});

test('nor by one look that is throttled', async () => {
  const { fleet, keeper } = await openWithoutTable(
    ...['cannot-use-table', 'cannot-use-table', 'cannot-use-table'],
  );
  fleet.faults.add({ service: 'dynamodb', effect: { kind: 'throttle' } });
  await expect(keeper.after(0)).rejects.toThrow();
  expect(await keeper.suspended()).toEqual([]);
});
