import type { JobRecord } from '../jobs/record.ts';
import { jobKey } from './keys.ts';
import { listingSortKey, statePartition } from './partitions.ts';

/** What the records of all held jobs have. They do not expire before they are released. */
export function createHeldRecord(id: string, sinceMs: number) {
  const enqueuedAt = new Date(sinceMs).toISOString();
  return {
    pk: jobKey(id),
    id,
    state: 'held',
    attempts: 0,
    listed: statePartition('held', id),
    listedAt: listingSortKey(enqueuedAt, id),
    enqueuedAt,
  } satisfies JobRecord;
}
