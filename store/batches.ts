import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  type KeysAndAttributes,
} from '@aws-sdk/client-dynamodb';
import { type Clock, systemClock } from '../aws/clock.ts';
import type { JobRecord } from '../jobs/record.ts';
import { type BackoffBounds, backoffMs } from '../lib/backoff.ts';
import { DYNAMODB_MAX_BATCH_GET } from '../lib/limits.ts';
import { itemKey, jobIdIn, jobKey } from './keys.ts';
import { parseJob } from './records.ts';

/** Concurrent calls. */
const MOST_CALLS = 4;

const WAITS: BackoffBounds = { initialMs: 50, maxMs: 5000 };

/** Calls in a row of which DynamoDB processed nothing, for one batch. That is more than half a minute. */
const MOST_IDLE_CALLS = 15;

export interface RetryContext {
  clock: Clock;
  random: () => number;
}

export const systemRetryContext: RetryContext = { clock: systemClock, random: Math.random };

/** Call after call the table processes nothing of a batch. */
export class TableThrottledError extends Error {
  constructor(table: string, left: number) {
    super(`the table ${table} is throttled: ${left} items of a batch are still not processed`);
    this.name = 'TableThrottledError';
  }
}

type Item = Record<string, AttributeValue>;

type How = Pick<KeysAndAttributes, 'ConsistentRead' | 'ProjectionExpression'>;

/** Reads jobs' records, a hundred a call. An unknown id is missing in the result. */
export async function batchGetJobs(
  client: DynamoDBClient,
  table: string,
  ids: Iterable<string>,
  waits: RetryContext = systemRetryContext,
): Promise<Map<string, JobRecord>> {
  const items = await batchGet(client, table, [...ids].map(jobKey), { ConsistentRead: true }, waits);
  const records = items.flatMap((item) => parseJob(item) ?? []);
  return new Map(records.map((record) => [jobIdIn(record.pk), record]));
}

/** Reads items by their keys, in no order. A key that is given twice is read once. */
export async function batchGet(
  client: DynamoDBClient,
  table: string,
  keys: readonly string[],
  how: How,
  waits: RetryContext = systemRetryContext,
): Promise<Item[]> {
  const found: Item[] = [];
  const asked = [...new Set(keys)].map(itemKey);
  await runInBatches(asked, DYNAMODB_MAX_BATCH_GET, (batch) =>
    retryUnprocessed(table, batch, waits, async (left) => {
      const request = { [table]: { Keys: left, ...how } };
      const answer = await client.send(new BatchGetItemCommand({ RequestItems: request }));
      found.push(...(answer.Responses?.[table] ?? []));
      return answer.UnprocessedKeys?.[table]?.Keys ?? [];
    }),
  );
  return found;
}

/** Runs `task` for all items, `size` items a call and a few calls at the same time. Rejects with the first error. */
export async function runInBatches<Item>(
  items: readonly Item[],
  size: number,
  task: (batch: Item[]) => Promise<void>,
  atOnce = MOST_CALLS,
): Promise<void> {
  let next = 0;
  const runBatches = async () => {
    while (next < items.length) {
      const batch = items.slice(next, next + size);
      next += size;
      await task(batch);
    }
  };
  const calls = Math.min(atOnce, Math.ceil(items.length / size));
  await Promise.all(Array.from({ length: calls }, runBatches));
}

/**
 * Repeats a batch call with the items that it did not process, with backoff.
 *
 * @param call gets items and returns those that were not processed
 * @throws TableThrottledError if call after call processes nothing
 */
export async function retryUnprocessed<Item>(
  table: string,
  items: Item[],
  { clock, random }: RetryContext,
  call: (items: Item[]) => Promise<Item[]>,
): Promise<void> {
  let left = await call(items);
  for (let idle = 1; left.length > 0; ) {
    if (idle > MOST_IDLE_CALLS) throw new TableThrottledError(table, left.length);
    await clock.sleep(backoffMs(WAITS, idle, random));
    const before = left.length;
    left = await call(left);
    idle = left.length < before ? 1 : idle + 1;
  }
}
