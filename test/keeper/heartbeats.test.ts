import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import type { FaultEffect } from '../../local/front-door/faults.ts';
import { heartbeatKey } from '../../store/bucket-keys.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { type Fleet, openFleet, TABLE } from '../support/agent-fleet.ts';
import { createKeeper, type Keeper } from '../support/keeper.ts';

const open = openFleet();
const BUCKET = 'logs';

/** A working instance that has not reported to the table for half an hour. */
async function openSilent(): Promise<{ fleet: Fleet; instance: string; keeper: Keeper }> {
  const fleet = await open({ hooks: false });
  const [{ instanceId: instance } = { instanceId: '' }] = await fleet.launcher.booted(1);
  const longAgoMs = Date.now() - 30 * 60_000;
  const readyAt = new Date(longAgoMs).toISOString();
  await createInstanceStore(fleet.clients.dynamodb, TABLE, 60).recordReady(instance, { readyAt }, longAgoMs);
  const keeper = await createKeeper(fleet, {
    ...{ logBucket: BUCKET, bootBudgetSeconds: 10, silentSeconds: 60 },
  });
  return { fleet, instance, keeper };
}

async function giveSign({ clients }: Fleet, instance: string): Promise<void> {
  const object = { Bucket: BUCKET, Key: heartbeatKey(instance), Body: '{}' };
  await clients.s3.send(new PutObjectCommand(object));
}

test('one that cannot report to the table but writes heartbeats is not ended, until the heartbeats stop', async () => {
  const { fleet, instance, keeper } = await openSilent();
  await giveSign(fleet, instance);
  expect(await keeper.after(0.5)).not.toContain('end-silent-instance');
  expect((await fleet.group()).states).toEqual({ [instance]: 'InService' });
  expect(await keeper.after(2)).toContain('end-silent-instance');
  expect((await fleet.group()).desired).toBe(0);
});

test('one that never could report is not a failed boot', async () => {
  const fleet = await open({ hooks: false });
  const [{ instanceId: instance } = { instanceId: '' }] = await fleet.launcher.booted(1);
  await giveSign(fleet, instance);
  const keeper = await createKeeper(fleet, { logBucket: BUCKET, bootBudgetSeconds: 10, silentSeconds: 60 });
  expect(await keeper.after(0.5)).not.toContain('end-silent-instance');
});

test('instances that never could report and ended do not open the breaker', async () => {
  const fleet = await open({ desired: 3, hooks: false });
  for (const { instanceId: InstanceId } of await fleet.launcher.booted(3)) {
    await giveSign(fleet, InstanceId);
    await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      ...{ InstanceId, ShouldDecrementDesiredCapacity: true },
    });
  }
  await expect.poll(async () => (await fleet.group()).states).toEqual({});
  const keeper = await createKeeper(fleet, { logBucket: BUCKET });
  expect(await keeper.after(5)).not.toContain('trip-breaker');
});

test.each<[string, string, boolean]>([
  ['were denied the table from their boot on trip the breaker', 'cannot-use-table', true],
  ['could not start the worker trip the breaker', 'worker-missing', true],
  ['met an outage of AWS do not trip the breaker', 'cannot-use-table-outage', false],
  ['went for what jobs may have done to them do not trip the breaker', 'disk-full', false],
])('instances that wrote heartbeats, could not report, and %s', async (_, savedAs, trips) => {
  const fleet = await open({ desired: 3, hooks: false });
  const instances = (await fleet.launcher.booted(3)).map(({ instanceId }) => instanceId);
  for (const InstanceId of instances) {
    await giveSign(fleet, InstanceId);
    const Key = `instances/${InstanceId}/2026-11-29T101112Z-${savedAs}.log`;
    await fleet.clients.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'denied\n' }));
    await fleet.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      ...{ InstanceId, ShouldDecrementDesiredCapacity: true },
    });
  }
  await expect.poll(async () => (await fleet.group()).states).toEqual({});
  const keeper = await createKeeper(fleet, { logBucket: BUCKET });
  const done = await keeper.after(5);
  if (trips) expect(done).toContain('trip-breaker');
  else expect(done).not.toContain('trip-breaker');
});

test('the heartbeat of another instance does not count', async () => {
  const { fleet, instance, keeper } = await openSilent();
  await giveSign(fleet, `${instance}0`);
  expect(await keeper.after(0.5)).toContain('end-silent-instance');
});

test.each<[string, FaultEffect, boolean]>([
  ['cannot answer at the moment, nobody is ended, and the run has failed', { kind: 'throttle' }, false],
  [
    'refuses to answer, silence has to do',
    { kind: 'error', code: 'AccessDenied', status: 403, message: 'no' },
    true,
  ],
])('while the bucket %s', async (_, effect, ended) => {
  const { fleet, keeper } = await openSilent();
  fleet.faults.add({ service: 's3', effect });
  const run = keeper.after(0.5);
  if (ended) expect(await run).toContain('end-silent-instance');
  else await expect(run).rejects.toThrow(/SlowDown|reduce your request rate/);
  expect((await fleet.group()).desired).toBe(ended ? 0 : 1);
});

test('the bucket is read only for instances that would be judged by their silence', async () => {
  const { fleet, keeper } = await openSilent();
  const store = createInstanceStore(fleet.clients.dynamodb, TABLE, 60);
  const [instance = ''] = Object.keys((await fleet.group()).states);
  await store.recordReport(instance, Date.now());
  await keeper.after(0.5);
  expect(fleet.calls.filter(({ service, caller }) => service === 's3' && caller !== 'cloud')).toEqual([]);
});
