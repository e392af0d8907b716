import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { JobRecord } from '../jobs/record.ts';
import { batchGet, batchGetJobs } from './batches.ts';
import { readPartitionKeys } from './index-pages.ts';
import { fromItem } from './item.ts';
import { jobIdIn, jobKey } from './keys.ts';
import { runningPartition } from './partitions.ts';
import { KEY_ATTRIBUTE } from './table-schema.ts';

/**
 * The jobs that run on an instance according to their records. Jobs that were claimed just now may be missing.
 * `isComplete`: false while DynamoDB backfills the index. Then any job may be missing.
 */
export async function findRunningJobs(
  client: DynamoDBClient,
  table: string,
  instance: string,
): Promise<{ jobs: JobRecord[]; isComplete: boolean }> {
  const { keys, isComplete } = await readPartitionKeys(client, table, runningPartition(instance));
  const records = await batchGetJobs(client, table, keys.map(jobIdIn));
  // The index is eventually consistent.
  const jobs = [...records.values()].filter((job) => job.state === 'running' && job.instance === instance);
  return { jobs, isComplete };
}

/** Which of these jobs somebody has cancelled. Eventually consistent, which halves the price: the caller asks again. */
export async function findCancelled(
  client: DynamoDBClient,
  table: string,
  ids: readonly string[],
): Promise<Set<string>> {
  const how = { ProjectionExpression: `${KEY_ATTRIBUTE}, cancelRequestedAt` };
  const items = (await batchGet(client, table, ids.map(jobKey), how)).map(fromItem);
  const requested = items.filter(({ cancelRequestedAt }) => cancelRequestedAt !== undefined);
  return new Set(requested.map((item) => jobIdIn(String(item[KEY_ATTRIBUTE]))));
}
