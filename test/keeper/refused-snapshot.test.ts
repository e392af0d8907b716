import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { resumeFleet } from '../../client/instances/pause.ts';
import { heartbeatKey } from '../../store/bucket-keys.ts';
import { updateFleetState } from '../../store/fleet-state.ts';
import { callsOf, createTable, type Fleet, GROUP, LOGS, openFleet, TABLE } from '../support/agent-fleet.ts';
import { createContext, createKeeper, type Keeper } from '../support/keeper.ts';

const open = openFleet();

/**
 * A fleet without its table, whose instances have ended, each with a heartbeat and the log of an agent that retired for
 * this reason.
 */
async function openWithoutTable(...reasons: string[]): Promise<{ fleet: Fleet; keeper: Keeper }> {
  const fleet = await open({ desired: reasons.length, hooks: false });
  const specs = await fleet.launcher.booted(reasons.length);
  for (const [index, { instanceId: InstanceId }] of specs.entries()) {
    const Key = `instances/${InstanceId}/2026-11-29T101112Z-${reasons[index]}.log`;
    await fleet.clients.s3.send(new PutObjectCommand({ Bucket: LOGS, Key, Body: 'denied\n' }));
    const sign = { Bucket: LOGS, Key: heartbeatKey(InstanceId), Body: '{}' };
    await fleet.clients.s3.send(new PutObjectCommand(sign));
    await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      ...{ InstanceId, ShouldDecrementDesiredCapacity: true },
    });
  }
  await expect.poll(async () => (await fleet.group()).states).toEqual({});
  await fleet.call('dynamodb', 'DeleteTable', { TableName: TABLE });
  return { fleet, keeper: await createKeeper(fleet, { logBucket: LOGS, recordSeconds: 60 }) };
}

/** The values of the breaker's metric so far. */
function reported(fleet: Fleet): number[] {
  return callsOf(fleet, 'PutMetricData').flatMap(({ input }) => {
    const { MetricData } = input as { MetricData: { Value: number }[] };
    return MetricData.map(({ Value }) => Value);
  });
}

test('launches are suspended while the table is gone, once three consecutive instances retired because of it', async () => {
  const { fleet, keeper } = await openWithoutTable(
    ...['cannot-use-table', 'cannot-use-table', 'cannot-use-table'],
  );
  await expect(keeper.after(0)).rejects.toThrow('resource not found');
  expect(await keeper.suspended()).toEqual(['Launch']);
  // The alarm stays, even long after.
  await expect(keeper.after(600)).rejects.toThrow('resource not found');
  expect(reported(fleet)).toEqual([1, 1]);
  expect(callsOf(fleet, 'SuspendProcesses')).toHaveLength(1);
});

test.each([
  ['an hour', 60],
  ['two days, when nothing of these launches can be in the table any more', 2 * 24 * 60],
])(
  'once the table is restored after %s, the breaker is open until an operator resumes',
  async (_, minutes) => {
    const { fleet, keeper } = await openWithoutTable(
      ...['cannot-use-table', 'cannot-use-table', 'cannot-use-table'],
    );
    await expect(keeper.after(0)).rejects.toThrow('resource not found');
    await createTable(fleet);
    expect(await keeper.after(minutes)).toContain('trip-breaker');
    await keeper.after(minutes + 1);
    expect(await keeper.suspended()).toContain('Launch');
    expect(reported(fleet)).toEqual([1, 1, 1]);
    await fleet.call('autoscaling', 'ResumeProcesses', {
      ...{ AutoScalingGroupName: GROUP, ScalingProcesses: ['Launch'] },
    });
    await keeper.after(minutes + 2);
    await keeper.after(minutes + 3);
    expect(reported(fleet)).toEqual([1, 1, 1, 0]);
    expect(await keeper.suspended()).not.toContain('Launch');
  },
);

test('the alarm of a refused snapshot ends once the table is restored and an operator has resumed', async () => {
  const { fleet, keeper } = await openWithoutTable(
    ...['cannot-use-table', 'cannot-use-table', 'cannot-use-table'],
  );
  await createTable(fleet);
  const before = { breakerReported: 'closed', keptAtMs: Date.now() } as const;
  await updateFleetState(fleet.clients.dynamodb, TABLE, before);
  const denied = fleet.faults.add({
    service: 'dynamodb',
    effect: { kind: 'error', code: 'AccessDeniedException', status: 400 },
  });
  await expect(keeper.after(1)).rejects.toThrow('AccessDenied');
  denied.remove();
  await resumeFleet(createContext(fleet));
  await keeper.after(2);
  await keeper.after(3);
  expect(reported(fleet)).toEqual([1, 0]);
});

test.each([
  ['an outage of AWS', 'cannot-use-table-outage'],
  ['another reason', 'worker-missing'],
])(
  'launches that somebody else suspended long after instances retired for %s do not open the breaker',
  async (_, savedAs) => {
    const { fleet, keeper } = await openWithoutTable(savedAs, savedAs, savedAs);
    await createTable(fleet);
    await fleet.call('autoscaling', 'SuspendProcesses', {
      ...{ AutoScalingGroupName: GROUP, ScalingProcesses: ['Launch'] },
    });
    expect(await keeper.after(2 * 24 * 60)).not.toContain('trip-breaker');
    expect(reported(fleet)).toEqual([0]);
  },
);

test.each<[string, string[], number]>([
  ['two of them went for it', ['cannot-use-table', 'cannot-use-table'], 0],
  ['one of them went for another reason', ['cannot-use-table', 'worker-missing', 'cannot-use-table'], 0],
  ['one of them met an outage of AWS', ['cannot-use-table', 'cannot-receive-outage', 'cannot-use-table'], 0],
  ['they went long ago', ['cannot-use-table', 'cannot-use-table', 'cannot-use-table'], 121],
])('launches are not suspended if %s', async (_, reasons, minutes) => {
  const { keeper } = await openWithoutTable(...reasons);
  await expect(keeper.after(minutes)).rejects.toThrow('resource not found');
  expect(await keeper.suspended()).toEqual([]);
});

test('one throttled snapshot does not suspend launches', async () => {
  const { fleet, keeper } = await openWithoutTable(
    ...['cannot-use-table', 'cannot-use-table', 'cannot-use-table'],
  );
  fleet.faults.add({ service: 'dynamodb', effect: { kind: 'throttle' } });
  await expect(keeper.after(0)).rejects.toThrow();
  expect(await keeper.suspended()).toEqual([]);
});
