import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  type ReturnValue,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { CANCELLED_REASON, type JobRecord, type JobState, type Try } from '../jobs/record.ts';
import { boundTries } from '../jobs/tries.ts';
import { SQS_MAX_RETENTION_SECONDS } from '../lib/limits.ts';
import { expiryOfCancelled, expiryOfEnded, expiryOfQueued } from './expiry.ts';
import { itemKey, jobKey } from './keys.ts';
import { statePartition } from './partitions.ts';
import { parseJob } from './records.ts';
import { type Change, updateExpression } from './update-expression.ts';

/** The end of a try, for the record. */
export interface TryEnd {
  exitStatus?: number | undefined;
  signal?: string | undefined;
  reason?: string | undefined;
  /** All tries, with the end of this one. Absent: its end is unknown, and the tries stay unchanged. */
  tries?: readonly Try[] | undefined;
  endedAtMs: number;
  /** Of a job that is queued again: its message is invisible until then. */
  notBeforeMs?: number | undefined;
  /**
   * Since when its worker exits with 75. Absent: as the record has it. `never`: the record's note is removed.
   */
  notNowMs?: number | 'never' | undefined;
  /** Attempts to subtract: 1 if the try does not count. */
  refund: 0 | 1;
  /** The release of a job with a group. It has the state `held` while it waits for its next try. */
  release?: number | undefined;
}

/** `taken-over`: another claim has the job since. Nothing was written, and nothing may be. */
export type WriteResult = 'written' | 'taken-over';

/**
 * The job table for those who end the try of a job. Each job is one item, and each write is a conditional write of that item
 * alone, so that a crash cannot leave two items inconsistent. Every write is idempotent: if its response was lost, the
 * fence shows that it was done.
 */
export class JobEndings {
  protected readonly client: DynamoDBClient;
  protected readonly table: string;
  protected readonly recordSeconds: number;

  /** @param recordSeconds how long a record outlives its job's end */
  constructor(client: DynamoDBClient, table: string, recordSeconds = SQS_MAX_RETENTION_SECONDS) {
    this.client = client;
    this.table = table;
    this.recordSeconds = recordSeconds;
  }

  async get(id: string): Promise<JobRecord | undefined> {
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.table, Key: itemKey(jobKey(id)), ConsistentRead: true }),
    );
    return Item && parseJob(Item);
  }

  /** Writes a job's last state, once. */
  async finish(id: string, fence: string, state: JobState, end: TryEnd): Promise<WriteResult> {
    const done = await this.update(id, this.#ending(id, fence, state, end));
    if (done) return 'written';
    const record = await this.get(id);
    return record?.fence === fence && record.state === state ? 'written' : 'taken-over';
  }

  /** Queues a job again. `cancelled`: somebody cancelled it, so its message has to be deleted. */
  async requeue(id: string, fence: string, end: TryEnd): Promise<WriteResult | 'cancelled'> {
    const owned = ownedByClaim(fence);
    const done = await this.update(id, {
      ...owned,
      ...this.#ending(id, fence, 'queued', end),
      condition: `${owned.condition} AND attribute_not_exists(#cancelRequestedAt)`,
    });
    if (done) return 'written';
    const record = await this.get(id);
    if (record?.fence !== fence) return 'taken-over';
    if (record.state === 'running') {
      const finished = await this.finish(id, fence, 'cancelled', { ...end, reason: CANCELLED_REASON });
      return finished === 'written' ? 'cancelled' : finished;
    }
    // By this call, or by an operator after it was queued again.
    if (record.state === 'cancelled') return 'cancelled';
    return record.state === 'queued' || record.state === 'held' ? 'written' : 'taken-over';
  }

  #ending(id: string, fence: string, state: JobState, end: TryEnd): Change {
    const { endedAtMs, notBeforeMs, notNowMs, refund, exitStatus, signal, reason, tries, release } = end;
    const notBefore = notBeforeMs === undefined ? undefined : new Date(notBeforeMs).toISOString();
    const what = {
      state: state === 'queued' && release !== undefined ? 'held' : state,
      listed: statePartition(state, id),
      exitStatus,
      signal,
      reason,
      tries: tries && boundTries(tries),
    };
    const expiry = EXPIRIES[state] ?? expiryOfEnded;
    return {
      ...ownedByClaim(fence),
      set: {
        ...what,
        ...(state === 'queued' && { notBefore }),
        ...(typeof notNowMs === 'number' && { notNowAt: new Date(notNowMs).toISOString() }),
        expires: expiry(endedAtMs, this.recordSeconds),
        ...(state !== 'queued' && { endedAt: new Date(endedAtMs).toISOString() }),
      },
      ...(refund > 0 && { add: { attempts: -refund } }),
      remove: ['listing', 'leaseUntilMs', ...(notNowMs === 'never' ? ['notNowAt'] : [])],
    };
  }

  /** One conditional update. False: the condition does not hold. */
  protected async update(id: string, change: Change): Promise<boolean> {
    return (await this.#send(id, change, 'NONE')) !== undefined;
  }

  /** One conditional update. Returns the record after it. Undefined: the condition does not hold. */
  protected async updateAndGet(id: string, change: Change): Promise<JobRecord | undefined> {
    const item = await this.#send(id, change, 'ALL_NEW');
    return item && parseJob(item);
  }

  async #send(
    id: string,
    change: Change,
    returned: ReturnValue,
  ): Promise<Record<string, AttributeValue> | undefined> {
    try {
      const { Attributes = {} } = await this.client.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: itemKey(jobKey(id)),
          ReturnValues: returned,
          ...updateExpression(change),
        }),
      );
      return Attributes;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }
}

/** States in which a message of the job may be on the queue. */
const EXPIRIES: Partial<Record<JobState, typeof expiryOfEnded>> = {
  queued: expiryOfQueued,
  cancelled: expiryOfCancelled,
};

/** The condition of every write after the claim: the job still runs under this claim. */
export function ownedByClaim(fence: string): Required<Pick<Change, 'condition' | 'values'>> {
  return {
    condition: '#fence = :fence AND #state = :running',
    values: { ':fence': fence, ':running': 'running' },
  };
}
