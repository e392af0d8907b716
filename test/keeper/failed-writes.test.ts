import type { DescribeAutoScalingGroupsCommandOutput } from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import type { Retirement } from '../../jobs/record.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { callsOf, type Fleet, GROUP, openFleet, TABLE } from '../support/agent-fleet.ts';
import { createKeeper } from '../support/keeper.ts';

const open = openFleet();
const storeOf = ({ clients }: Fleet) => createInstanceStore(clients.dynamodb, TABLE, 60);
const retirement: Retirement = {
  ...{ reason: 'idle', idleSeconds: 60, jobsDone: 1, rung: 'power-off', tries: 3 },
  ...{ decidedAt: '2026-01-01T00:00:00.000Z', endedAt: '2026-01-01T00:00:00.000Z' },
};

/** This many working instances, in a group that launches no more. */
async function openWorking(count: number): Promise<{ fleet: Fleet; instances: string[] }> {
  const fleet = await open({ desired: count, hooks: false });
  const instances = (await fleet.launcher.booted(count)).map(({ instanceId }) => instanceId);
  for (const instance of instances) {
    await storeOf(fleet).recordReady(instance, { readyAt: new Date().toISOString() }, Date.now());
  }
  await fleet.call('autoscaling', 'SuspendProcesses', {
    ...{ AutoScalingGroupName: GROUP, ScalingProcesses: ['Launch'] },
  });
  return { fleet, instances };
}

/** All writes to the record of this instance fail. */
function refuseNotes(fleet: Fleet, instance: string) {
  return fleet.faults.add({
    action: 'UpdateItem',
    when: (input) => (input['Key'] as { pk?: { S?: string } }).pk?.S === `instance#${instance}`,
    effect: { kind: 'error', code: 'AccessDeniedException', status: 400 },
  });
}

describe('while a correction cannot be recorded', () => {
  test('the desired capacity is not lowered for an instance that is gone, and once as soon as it can be recorded', async () => {
    const { fleet } = await openWorking(2);
    await fleet.call('autoscaling', 'SetDesiredCapacity', {
      ...{ AutoScalingGroupName: GROUP, DesiredCapacity: 3 },
    });
    await storeOf(fleet).recordRetirement('i-0gone', retirement, 'instances');
    const refused = refuseNotes(fleet, 'i-0gone');
    const keeper = await createKeeper(fleet);
    for (const minute of [0, 1, 2]) {
      await expect(keeper.after(minute)).rejects.toThrow('AccessDenied');
      expect((await fleet.group()).desired).toBe(3);
    }
    refused.remove();
    await keeper.after(3);
    await keeper.after(4);
    expect((await fleet.group()).desired).toBe(2);
    expect(callsOf(fleet, 'SetDesiredCapacity').filter(({ caller }) => caller !== 'cloud')).toHaveLength(1);
  });

  test('an instance that is off is terminated with decrement once, and the capacity is not lowered again', async () => {
    const { fleet, instances } = await openWorking(3);
    const [off = ''] = instances;
    await storeOf(fleet).recordRetirement(off, retirement, 'instances');
    const refused = refuseNotes(fleet, off);
    const keeper = await createKeeper(fleet);
    for (const minute of [0, 1, 2]) {
      await expect(keeper.after(minute)).rejects.toThrow('AccessDenied');
      expect((await fleet.group()).desired).toBe(2);
    }
    refused.remove();
    await keeper.after(3);
    await keeper.after(4);
    expect((await fleet.group()).desired).toBe(2);
    expect((await fleet.instanceRecord(off)).listing).toBe('retired');
    expect(callsOf(fleet, 'TerminateInstanceInAutoScalingGroup')).toHaveLength(1);
  });
});

test('an instance that one run did not find is not gone any more once it reports again', async () => {
  const { fleet, instances } = await openWorking(1);
  const [instance = ''] = instances;
  const keeper = await createKeeper(fleet);
  const seeAgain = hideInstances(fleet);
  expect(await keeper.after(1)).toContain('settle');
  expect(await fleet.instanceRecord(instance)).toMatchObject({ retirement: { reason: 'lost' } });
  seeAgain();
  const forecast = { running: 1, slots: 1, jobsDone: 0, next: 'work' } as const;
  await storeOf(fleet).recordReport(instance, Date.now() + 20 * 60_000, forecast);
  await keeper.after(21);
  expect((await fleet.group()).states).toEqual({ [instance]: 'InService' });
  const record = await fleet.instanceRecord(instance);
  expect(record).toMatchObject({ listing: 'instances', forecast });
  expect(record).not.toHaveProperty('retirement');
  expect(record).not.toHaveProperty('expires');
});

/** AWS answers without the group's instances until the returned function is called. */
function hideInstances({ clients }: Fleet): () => void {
  const name = 'hideInstances';
  clients.autoScaling.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        if (commandName === 'DescribeAutoScalingGroupsCommand') {
          const { AutoScalingGroups = [] } = answer.output as DescribeAutoScalingGroupsCommandOutput;
          for (const group of AutoScalingGroups) group.Instances = [];
        }
        return answer;
      },
    { step: 'initialize', name },
  );
  return () => clients.autoScaling.middlewareStack.remove(name);
}
