import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateScan,
  UpdateItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { CANCELLED_REASON, type JobRecord, type JobState, TERMINAL_STATES } from '../jobs/record.ts';
import { DYNAMODB_MAX_BATCH_WRITE } from '../lib/limits.ts';
import {
  batchGetJobs,
  type RetryContext,
  retryUnprocessed,
  runInBatches,
  systemRetryContext,
} from './batches.ts';
import { toItem } from './item.ts';
import { itemKey, JOB_PREFIX, jobKey } from './keys.ts';
import { statePartition } from './partitions.ts';
import { parseJob } from './records.ts';
import { type Change, updateExpression } from './update-expression.ts';

/** What a cancellation did, and the job's record afterwards. */
export type Cancellation =
  /** It never starts. */
  | { kind: 'cancelled'; record: JobRecord }
  /** It runs. Its agent stops it within seconds. If the agent is gone, the job ends with its lease. */
  | { kind: 'requested'; record: JobRecord }
  | { kind: 'ended'; record: JobRecord }
  | { kind: 'unknown'; record?: undefined };

/** Which jobs are selected. An absent criterion excludes none. */
export interface JobFilter {
  states?: readonly JobState[] | undefined;
  label?: string | undefined;
  group?: string | undefined;
  requestId?: string | undefined;
  /** The instance of the last try. */
  instance?: string | undefined;
  /** Enqueued at that time or later. */
  sinceMs?: number | undefined;
  endedBeforeMs?: number | undefined;
}

/** The job table for clients, who enqueue jobs and operate the fleet. Agents use `JobTable`, the keeper `JobEndings`. */
export class JobIndex {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #waits: RetryContext;

  constructor(client: DynamoDBClient, table: string, waits: RetryContext = systemRetryContext) {
    this.#client = client;
    this.#table = table;
    this.#waits = waits;
  }

  /** Strongly consistent. An id without a record is missing in the result. Throws `TableThrottledError`. */
  async getMany(ids: Iterable<string>): Promise<Map<string, JobRecord>> {
    const found = await batchGetJobs(this.#client, this.#table, ids, this.#waits);
    for (const [id, { removedAt }] of found) if (removedAt !== undefined) found.delete(id);
    return found;
  }

  /** For new random ids only: it overwrites existing records. Throws `TableThrottledError`. */
  async createMany(records: readonly JobRecord[]): Promise<void> {
    const writes = records.map((record): WriteRequest => ({ PutRequest: { Item: toItem(record) } }));
    await runInBatches(writes, DYNAMODB_MAX_BATCH_WRITE, (batch) =>
      retryUnprocessed(this.#table, batch, this.#waits, async (left) => {
        const request = { RequestItems: { [this.#table]: left } };
        const { UnprocessedItems } = await this.#client.send(new BatchWriteItemCommand(request));
        return UnprocessedItems?.[this.#table] ?? [];
      }),
    );
  }

  /**
   * False: there is one already, and it is unchanged. A job that was cleaned up is replaced, but only by a record with the
   * same nonce (`findRemovedNonce`): a message of it may still be on the queue.
   */
  createOnce(record: JobRecord): Promise<boolean> {
    const { nonce } = record;
    const isSame = `attribute_not_exists(nonce)${nonce === undefined ? '' : ' OR nonce = :nonce'}`;
    return this.#isAccepted(
      this.#client.send(
        new PutItemCommand({
          TableName: this.#table,
          Item: toItem(record),
          ConditionExpression: `attribute_not_exists(pk) OR attribute_exists(removedAt) AND (${isSame})`,
          ...(nonce !== undefined && { ExpressionAttributeValues: toItem({ ':nonce': nonce }) }),
        }),
      ),
    );
  }

  /** The nonce of a job that was cleaned up. */
  async findRemovedNonce(id: string): Promise<string | undefined> {
    const record = await this.#get(id);
    return record?.removedAt === undefined ? undefined : record.nonce;
  }

  /**
   * Cancels a job that does not run yet, or requests the cancellation of one that runs. Idempotent with the same `atMs`.
   *
   * @param expires epoch seconds: when the table deletes a job that is cancelled here
   */
  async cancel(id: string, atMs: number, expires: number): Promise<Cancellation> {
    const at = new Date(atMs).toISOString();
    for (;;) {
      const cancelled = await this.#update(id, {
        condition: '#state IN (:queued, :held)',
        values: { ':queued': 'queued', ':held': 'held' },
        set: {
          state: 'cancelled',
          listed: statePartition('cancelled', id),
          cancelRequestedAt: at,
          endedAt: at,
          reason: CANCELLED_REASON,
          expires,
        },
      });
      if (cancelled) return { kind: 'cancelled', record: cancelled };
      const requested = await this.#update(id, {
        condition: '#state = :running',
        values: { ':running': 'running' },
        setOnce: { cancelRequestedAt: at },
      });
      if (requested) return { kind: 'requested', record: requested };
      const record = await this.#get(id);
      if (!record || record.removedAt !== undefined) return { kind: 'unknown' };
      // An earlier write of ours, whose answer was lost.
      const own = record.state === 'cancelled' && record.cancelRequestedAt === at && record.endedAt === at;
      if (own) return { kind: 'cancelled', record };
      if (TERMINAL_STATES.has(record.state)) return { kind: 'ended', record };
    }
  }

  /** False: it has not ended, and `onlyEnded` keeps it. True: there is no such record any more. */
  remove(id: string, { onlyEnded }: { onlyEnded: boolean }): Promise<boolean> {
    const { ConditionExpression, ...condition } = HAS_ENDED;
    return this.#isAccepted(
      this.#client.send(
        new DeleteItemCommand({
          TableName: this.#table,
          Key: itemKey(jobKey(id)),
          ...(onlyEnded && {
            ...condition,
            ConditionExpression: `attribute_not_exists(pk) OR ${ConditionExpression}`,
          }),
        }),
      ),
    );
  }

  /**
   * Cleans up an ended job of which a message may still be on the queue. What stays of the record keeps a claim from taking
   * that message for a new job. False: the job has not ended, or there is none.
   *
   * @param expires epoch seconds: when no message of it can be left
   */
  markRemoved(
    { pk, id, state, attempts, nonce }: JobRecord,
    atMs: number,
    expires: number,
  ): Promise<boolean> {
    const removedAt = new Date(atMs).toISOString();
    const left: JobRecord = { pk, id, state, attempts, removedAt, expires, ...(nonce && { nonce }) };
    return this.#isAccepted(
      this.#client.send(new PutItemCommand({ TableName: this.#table, Item: toItem(left), ...HAS_ENDED })),
    );
  }

  /** A record that was removed in the meantime is not created again. */
  async markRetried(id: string, newId: string): Promise<void> {
    const condition = 'attribute_exists(#pk) AND attribute_not_exists(#removedAt)';
    await this.#update(id, { condition, set: { retriedAs: newId } });
  }

  /**
   * Jobs in no order. It scans the table page by page, as far as the caller reads.
   *
   * @param onMore called once if there is more than the first page
   */
  async *scan(filter: JobFilter = {}, onMore?: () => void): AsyncGenerator<JobRecord> {
    const pages = paginateScan({ client: this.#client }, { TableName: this.#table, ...filterOf(filter) });
    let isFirst = true;
    for await (const { Items = [], LastEvaluatedKey } of pages) {
      if (isFirst && LastEvaluatedKey) onMore?.();
      isFirst = false;
      for (const item of Items) {
        const record = parseJob(item);
        if (record) yield record;
      }
    }
  }

  async #get(id: string): Promise<JobRecord | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: itemKey(jobKey(id)), ConsistentRead: true }),
    );
    return Item && parseJob(Item);
  }

  /** The record afterwards, or undefined when the condition does not hold. */
  async #update(id: string, change: Change): Promise<JobRecord | undefined> {
    const update = {
      Key: itemKey(jobKey(id)),
      ReturnValues: 'ALL_NEW',
      ...updateExpression(change),
    } as const;
    try {
      const { Attributes } = await this.#client.send(
        new UpdateItemCommand({ TableName: this.#table, ...update }),
      );
      return Attributes && parseJob(Attributes);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }

  async #isAccepted(call: Promise<unknown>): Promise<boolean> {
    try {
      await call;
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}

const ENDED = Object.fromEntries([...TERMINAL_STATES].map((state, index) => [`:s${index}`, state]));
const HAS_ENDED = {
  ConditionExpression: `#state IN (${Object.keys(ENDED).join(', ')})`,
  ExpressionAttributeNames: { '#state': 'state' },
  ExpressionAttributeValues: toItem(ENDED),
};

function filterOf({ states, label, group, requestId, instance, sinceMs, endedBeforeMs }: JobFilter) {
  const conditions = ['begins_with(pk, :job)', 'attribute_not_exists(removedAt)'];
  const values: Record<string, string> = { ':job': JOB_PREFIX };
  const equal = { group, requestId, instance };
  for (const [name, value] of Object.entries(equal)) {
    if (value === undefined) continue;
    conditions.push(`#${name} = :${name}`);
    values[`:${name}`] = value;
  }
  if (label !== undefined) {
    // See labelOf.
    conditions.push('(#label = :label OR attribute_not_exists(#label) AND #group = :label)');
    values[':label'] = label;
  }
  if (states) {
    // DynamoDB refuses an empty list. No job has this state.
    const wanted = states.length > 0 ? states : ['none'];
    conditions.push(`#state IN (${wanted.map((_, index) => `:state${index}`).join(', ')})`);
    wanted.forEach((state, index) => {
      values[`:state${index}`] = state;
    });
  }
  if (sinceMs !== undefined) {
    conditions.push('enqueuedAt >= :since');
    values[':since'] = new Date(sinceMs).toISOString();
  }
  if (endedBeforeMs !== undefined) {
    conditions.push('endedAt < :before');
    values[':before'] = new Date(endedBeforeMs).toISOString();
  }
  const expression = conditions.join(' AND ');
  const names = Object.fromEntries((expression.match(/#\w+/g) ?? []).map((name) => [name, name.slice(1)]));
  return {
    FilterExpression: expression,
    ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
    ExpressionAttributeValues: toItem(values),
  };
}
