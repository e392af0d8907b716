import { expect, test } from 'vitest';
import type { JobTable } from '../../store/job-table.ts';
import { testQueues } from '../support/test-queue.ts';

const open = testQueues();
const NOW_MS = Date.now();

/** A held job that was released and claimed. */
async function claimed(table: JobTable, id: string): Promise<void> {
  await table.held.create({ pk: `job#${id}`, id, state: 'held', attempts: 0, nonce: 'n', group: 'web' });
  await table.held.release(id, 1, NOW_MS);
  const lease = { nowMs: NOW_MS, leaseUntilMs: NOW_MS + 60_000, enqueuedAtMs: NOW_MS };
  const own = { messageId: 'm', instance: 'i-1', fence: 'f', nonce: 'n', group: 'web', release: 1 };
  expect(await table.claim({ id, ...lease, ...own })).toMatchObject({ kind: 'claimed' });
}

test('a job that has not begun is recalled', async () => {
  const { table } = await open();
  const id = 'r-not-begun';
  await table.held.create({ pk: `job#${id}`, id, state: 'held', attempts: 0, nonce: 'n', group: 'web' });
  await table.held.release(id, 1, NOW_MS);
  expect(await table.held.recall(id, 1)).toBe(true);
  expect(await table.get(id)).toMatchObject({ state: 'held', lastRelease: 1 });
  expect((await table.get(id))?.release).toBeUndefined();
  expect(await table.held.markSent(id, 1, NOW_MS)).toBe(false);
});

test('a job that has begun keeps its release, also if its try cost no attempt', async () => {
  const { table } = await open();
  const id = 'r-begun';
  await claimed(table, id);
  // Its worker was stopped because the instance had to go. It may have left something at work.
  await table.requeue(id, 'f', { endedAtMs: NOW_MS, refund: 1, release: 1 });
  expect(await table.get(id)).toMatchObject({ state: 'held', release: 1, attempts: 0 });
  expect(await table.held.recall(id, 1)).toBe(false);
  expect(await table.get(id)).toMatchObject({ state: 'held', release: 1 });
});
