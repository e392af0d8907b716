import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { createInstanceStore } from '../../store/instance-store.ts';
import { toItem } from '../../store/item.ts';
import { JobIndex } from '../../store/job-index.ts';
import { JobTable } from '../../store/job-table.ts';
import { type Fleet, openFleet, TABLE } from '../support/agent-fleet.ts';
import { addStateIndex, createOldJobTable } from '../support/job-table.ts';
import { createKeeper } from '../support/keeper.ts';

const open = openFleet();
const minute = 60_000;

/** A job that an agent has claimed, with a lease that ends this many minutes from now. */
async function claim(fleet: Fleet, id: string, leaseMinutes: number, ageMinutes = 0): Promise<void> {
  const nowMs = Date.now();
  await new JobTable(fleet.clients.dynamodb, TABLE).claim({
    id,
    messageId: id,
    instance: 'i-0gone',
    fence: `fence-of-${id}`,
    nowMs,
    leaseUntilMs: nowMs + leaseMinutes * minute,
    enqueuedAtMs: nowMs - ageMinutes * minute,
  });
}

test('jobs of an instance that is gone are settled when their leases have ended, then it is retired', async () => {
  const fleet = await open({ desired: 0 });
  await createInstanceStore(fleet.clients.dynamodb, TABLE, 60).recordReport('i-0gone', Date.now());
  await claim(fleet, 'short', 1);
  await claim(fleet, 'long', 10);
  await claim(fleet, 'old', 1, 120);
  const keeper = await createKeeper(fleet, { retentionSeconds: 3600 });

  expect(await keeper.after(0)).toContain('settle');
  expect(await fleet.item('job#short')).toMatchObject({ state: 'running' });

  await keeper.after(2);
  const short = await fleet.item('job#short');
  expect(short).toMatchObject({
    state: 'queued',
    attempts: 1,
    reason: 'its instance i-0gone ended while it ran',
  });
  expect(short?.['listed']).toMatch(/^queued#[0-7]$/);
  expect(await fleet.item('job#old')).toMatchObject({
    state: 'lost',
    reason: expect.stringContaining('older'),
  });
  expect(await fleet.item('job#long')).toMatchObject({ state: 'running' });
  expect(await fleet.instanceRecord('i-0gone')).toMatchObject({ listing: 'instances' });

  await keeper.after(11);
  expect(await fleet.item('job#long')).toMatchObject({ state: 'queued' });
  expect(await fleet.instanceRecord('i-0gone')).toMatchObject({
    listing: 'retired',
    retirement: { reason: 'lost', rung: 'power-off' },
  });
  expect(await keeper.after(12)).not.toContain('settle');
});

test('a lease counts as ended only after the largest error of the keeper’s clock', async () => {
  const fleet = await open({ desired: 0 });
  await createInstanceStore(fleet.clients.dynamodb, TABLE, 60).recordReport('i-0gone', Date.now());
  await claim(fleet, 'near', 1);
  const keeper = await createKeeper(fleet);
  await keeper.after(1.4, 30_000);
  expect(await fleet.item('job#near')).toMatchObject({ state: 'running' });
  await keeper.after(1.9, 30_000);
  expect(await fleet.item('job#near')).toMatchObject({ state: 'queued' });
});

describe('while a fleet changes from the index of earlier versions', () => {
  /** As an agent of an earlier version writes it. */
  const claimByOldAgent = (fleet: Fleet, id: string) =>
    fleet.clients.dynamodb.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: toItem({
          ...{ pk: `job#${id}`, id, state: 'running', attempts: 1, instance: 'i-0gone', fence: 'old' },
          ...{ listing: 'running#i-0gone', leaseUntilMs: Date.now() - minute },
          enqueuedAt: new Date().toISOString(),
        }),
      }),
    );

  test('the job of an agent of the earlier version is settled too, and then is in the index', async () => {
    const fleet = await open({ desired: 0 });
    await createInstanceStore(fleet.clients.dynamodb, TABLE, 60).recordReport('i-0gone', Date.now());
    await claimByOldAgent(fleet, 'old');
    await claim(fleet, 'new', -1);
    const keeper = await createKeeper(fleet);
    await keeper.after(0);
    for (const id of ['old', 'new']) {
      const job = await fleet.item(`job#${id}`);
      expect(job).toMatchObject({ state: 'queued', listed: expect.stringMatching(/^queued#/) });
      expect(job).not.toHaveProperty('listing');
    }
    expect(await fleet.instanceRecord('i-0gone')).toMatchObject({ listing: 'retired', listed: 'retired' });
  });

  test('no instance counts as gone while the new index is filled, as some jobs may be only in it', async () => {
    const fleet = await open({ desired: 0 });
    await fleet.call('dynamodb', 'DeleteTable', { TableName: TABLE });
    await createOldJobTable(fleet, TABLE);
    await createInstanceStore(fleet.clients.dynamodb, TABLE, 60).recordReport('i-0gone', Date.now());
    await claim(fleet, 'new', -1);
    await claimByOldAgent(fleet, 'old');
    const keeper = await createKeeper(fleet);
    const isLeft = async () => {
      expect(await keeper.after(0)).toContain('settle');
      expect(await fleet.item('job#new')).toMatchObject({ state: 'running' });
      expect(await fleet.item('job#old')).toMatchObject({ state: 'queued' });
      expect(await fleet.instanceRecord('i-0gone')).toMatchObject({ listing: 'instances' });
    };
    await isLeft();
    await addStateIndex(fleet, TABLE);
    await isLeft();
  });
});

test('a job that another agent has claimed since is not changed', async () => {
  const fleet = await open({ desired: 0 });
  await createInstanceStore(fleet.clients.dynamodb, TABLE, 60).recordReport('i-0gone', Date.now());
  await claim(fleet, 'job', -1);
  await new JobTable(fleet.clients.dynamodb, TABLE).claim({
    id: 'job',
    messageId: 'job',
    instance: 'i-0other',
    fence: 'another',
    nowMs: Date.now(),
    leaseUntilMs: Date.now() + minute,
    enqueuedAtMs: Date.now(),
  });
  const keeper = await createKeeper(fleet);
  await keeper.after(0);
  expect(await fleet.item('job#job')).toMatchObject({ state: 'running', instance: 'i-0other', attempts: 2 });
});

test('a job with a requested cancellation is cancelled, even if its message is old', async () => {
  const fleet = await open({ desired: 0 });
  await createInstanceStore(fleet.clients.dynamodb, TABLE, 60).recordReport('i-0gone', Date.now());
  await claim(fleet, 'young', 1);
  await claim(fleet, 'old', 1, 120);
  await claim(fleet, 'long', 10);
  const catalogue = new JobIndex(fleet.clients.dynamodb, TABLE);
  for (const id of ['young', 'old', 'long']) await catalogue.cancel(id, Date.now(), 4_000_000_000);
  const keeper = await createKeeper(fleet, { retentionSeconds: 3600, recordSeconds: 60 });

  await keeper.after(2);
  for (const id of ['young', 'old']) {
    const job = await fleet.item(`job#${id}`);
    expect(job).toMatchObject({ state: 'cancelled', attempts: 1, reason: 'cancelled by request' });
    expect(job?.['listed']).toMatch(/^cancelled#[0-7]$/);
    // Its message is received again. Its record must exist until then, even if records are kept for a short time.
    const endedSeconds = Math.ceil(Date.parse(String(job?.['endedAt'])) / 1000);
    expect(job).toMatchObject({ expires: endedSeconds + 1_209_600 });
  }
  expect(await fleet.item('job#long')).toMatchObject({ state: 'running' });
});
