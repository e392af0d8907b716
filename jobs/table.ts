import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  type ReturnValue,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { expiryOfCancelled, expiryOfEnded, expiryOfQueued, LONGEST_RETENTION_SECONDS } from './expiry.ts';
import { fromItem } from './item.ts';
import { tryKey } from './log-layout.ts';
import {
  CANCELLED,
  type JobRecord,
  type JobState,
  LONGEST_KEPT_BODY,
  TERMINAL_STATES,
  type Try,
  type TryLog,
} from './record.ts';
import { areOverlong, boundedTries } from './tries.ts';
import { type Change, updateExpression } from './update.ts';

/** What an agent tells of a job when it claims it. */
export interface ClaimRequest {
  id: string;
  messageId: string;
  instance: string;
  /** Unique for each claim; every later write of this try must match it. */
  fence: string;
  nowMs: number;
  leaseUntilMs: number;
  enqueuedAtMs: number;
  group?: string | undefined;
  requestId?: string | undefined;
  limitSeconds?: number | undefined;
  retryOf?: string | undefined;
  /** What the worker reads. Kept if it is short and the record has none. */
  body?: string | undefined;
}

export type Claim =
  /** `tries`: the new one is the last. */
  | { kind: 'claimed'; attempts: number; tries: Try[] }
  /** The job has ended: its message is a repetition, or its agent died before it could delete it. */
  | { kind: 'ended'; record: JobRecord }
  /** Someone else runs it, until then at least. */
  | { kind: 'running'; untilMs: number }
  /** It may not run now (its group is busy, its batch is not released). */
  | { kind: 'waiting'; state: JobState };

/** How a try ended, for the record. */
export interface TryEnd {
  exitStatus?: number | undefined;
  signal?: string | undefined;
  reason?: string | undefined;
  /** All tries, this one's end included; absent: nobody knows how it ended, and they stay as they are. */
  tries?: readonly Try[] | undefined;
  endedAtMs: number;
  /** Attempts to take off again: 1 if the try that ended did not count. */
  refund: 0 | 1;
}

/** Written, or another claim has taken the job over since: then nothing was written, and nothing may be. */
export type Written = 'written' | 'taken-over';

/**
 * The job table as those use it who run jobs: one item a job, changed by conditional updates of that item alone, so
 * that no crash can leave two items at odds. Every write can be repeated: one that reached the table though its
 * answer was lost is recognised by its fence.
 */
export class JobTable {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #recordSeconds: number;

  /** @param recordSeconds how long a record outlives its job's end */
  constructor(client: DynamoDBClient, table: string, recordSeconds = LONGEST_RETENTION_SECONDS) {
    this.#client = client;
    this.#table = table;
    this.#recordSeconds = recordSeconds;
  }

  async get(id: string): Promise<JobRecord | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: keyOf(id), ConsistentRead: true }),
    );
    return Item && (fromItem(Item) as unknown as JobRecord);
  }

  /**
   * Takes a job that is new, queued, or whose last lease has ended, and counts the attempt. One that was to be
   * cancelled when its lease ended is cancelled instead.
   */
  async claim(request: ClaimRequest): Promise<Claim> {
    const { id, fence, nowMs } = request;
    const claimed = await this.#update(id, claimChange(request), 'ALL_NEW');
    if (claimed) return this.#claimed(claimed, fence);
    const record = await this.get(id);
    // Gone between the two calls (its time to live): free again.
    if (!record) return this.claim(request);
    const { state, leaseUntilMs = nowMs } = record;
    if (TERMINAL_STATES.has(state)) return { kind: 'ended', record };
    if (state === 'running' && record.fence === fence) return this.#claimed(record, fence);
    if (state === 'running' && leaseUntilMs >= nowMs) return { kind: 'running', untilMs: leaseUntilMs };
    // Held; or this very claim was handed back already, and what asks once more comes too late.
    if ((state !== 'running' && state !== 'queued') || record.fence === fence)
      return { kind: 'waiting', state };
    if (record.cancelRequestedAt === undefined) return this.claim(request);
    const cancelled = await this.#update(id, this.#cancellation(nowMs), 'ALL_NEW');
    return cancelled ? { kind: 'ended', record: cancelled } : this.claim(request);
  }

  /** Takes back a claim that may have been written or not: no try, no attempt. */
  async unclaim(id: string, fence: string, nowMs: number): Promise<void> {
    const record = await this.get(id);
    if (record?.state !== 'running' || record.fence !== fence) return;
    await this.handBack(id, fence, { endedAtMs: nowMs, refund: 1, tries: record.tries?.slice(0, -1) });
  }

  /** Extends the lease of a running try. `cancel-requested`: it is written, and somebody wants the job to end. */
  async renew(id: string, fence: string, leaseUntilMs: number): Promise<Written | 'cancel-requested'> {
    const record = await this.#update(id, { ...ownedBy(fence), set: { leaseUntilMs } }, 'ALL_NEW');
    if (!record) return 'taken-over';
    return record.cancelRequestedAt === undefined ? 'written' : 'cancel-requested';
  }

  /**
   * Tells of the output of a try that runs.
   *
   * @param index of the try in the `tries` of its claim
   */
  async noteLog(id: string, fence: string, index: number, log: TryLog): Promise<Written> {
    const done = await this.#update(id, { ...ownedBy(fence), set: { [`tries[${index}].log`]: log } });
    return done ? 'written' : 'taken-over';
  }

  /** Says where the body lies that the record is too small for. Whatever state the job is in; no record, no note. */
  async noteBody(id: string, bodyKey: string): Promise<void> {
    const condition = 'attribute_exists(#pk) AND attribute_not_exists(#bodyKey)';
    await this.#update(id, { condition, set: { bodyKey } });
  }

  /** Says, once, that the message of a job which ended under this claim is in the dead-letter queue. */
  async noteDeadLetter(id: string, fence: string, nowMs: number): Promise<void> {
    const condition = '#fence = :fence AND attribute_not_exists(#deadLetteredAt)';
    const set = { deadLetteredAt: new Date(nowMs).toISOString() };
    await this.#update(id, { condition, values: { ':fence': fence }, set });
  }

  /** Writes a job's last state, once. */
  async finish(id: string, fence: string, state: JobState, end: TryEnd): Promise<Written> {
    const done = await this.#update(id, this.#ending(fence, state, end));
    if (done) return 'written';
    const record = await this.get(id);
    return record?.fence === fence && record.state === state ? 'written' : 'taken-over';
  }

  /** Makes a job queued again; or `cancelled`, if somebody wants it to end: its message is to be deleted then. */
  async handBack(id: string, fence: string, end: TryEnd): Promise<Written | 'cancelled'> {
    const owned = ownedBy(fence);
    const done = await this.#update(id, {
      ...owned,
      ...this.#ending(fence, 'queued', end),
      condition: `${owned.condition} AND attribute_not_exists(#cancelRequestedAt)`,
    });
    if (done) return 'written';
    const record = await this.get(id);
    if (record?.fence !== fence) return 'taken-over';
    if (record.state === 'running') {
      const finished = await this.finish(id, fence, 'cancelled', { ...end, reason: CANCELLED });
      return finished === 'written' ? 'cancelled' : finished;
    }
    // Cancelled by us, or by an operator once it was queued again.
    if (record.state === 'cancelled') return 'cancelled';
    return record.state === 'queued' ? 'written' : 'taken-over';
  }

  async #claimed({ id, attempts, tries = [] }: JobRecord, fence: string): Promise<Claim> {
    if (!areOverlong(tries)) return { kind: 'claimed', attempts, tries };
    const bounded = boundedTries(tries);
    await this.#update(id, { ...ownedBy(fence), set: { tries: bounded } });
    return { kind: 'claimed', attempts, tries: bounded };
  }

  #ending(fence: string, state: JobState, end: TryEnd): Change {
    const { endedAtMs, refund, exitStatus, signal, reason, tries } = end;
    const what = { state, exitStatus, signal, reason, tries: tries && boundedTries(tries) };
    const expiry = EXPIRIES[state] ?? expiryOfEnded;
    return {
      ...ownedBy(fence),
      set: {
        ...what,
        expires: expiry(endedAtMs, this.#recordSeconds),
        ...(state !== 'queued' && { endedAt: new Date(endedAtMs).toISOString() }),
      },
      ...(refund > 0 && { add: { attempts: -refund } }),
      remove: ['listing', 'leaseUntilMs'],
    };
  }

  /** Of a job that nobody runs any more. */
  #cancellation(nowMs: number): Change {
    return {
      condition: claimable('attribute_exists(#cancelRequestedAt)'),
      values: { ':queued': 'queued', ':running': 'running', ':now': nowMs },
      set: {
        state: 'cancelled',
        reason: CANCELLED,
        endedAt: new Date(nowMs).toISOString(),
        expires: expiryOfCancelled(nowMs, this.#recordSeconds),
      },
      remove: ['listing', 'leaseUntilMs'],
    };
  }

  /** One conditional update. Undefined when the condition does not hold. */
  async #update(id: string, change: Change, returned: ReturnValue = 'NONE'): Promise<JobRecord | undefined> {
    try {
      const { Attributes = {} } = await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: keyOf(id),
          ReturnValues: returned,
          ...updateExpression(change),
        }),
      );
      return fromItem(Attributes) as unknown as JobRecord;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }
}

/** Of states in which a message of the job may wait on the queue. */
const EXPIRIES: Partial<Record<JobState, typeof expiryOfEnded>> = {
  queued: expiryOfQueued,
  cancelled: expiryOfCancelled,
};

/**
 * That nobody runs a job, and this as well. AND binds closer than OR, and without parentheses the parsers of table
 * stand-ins take a twentieth of the time: this is the condition of every claim.
 */
function claimable(and: string): string {
  return `#state = :queued AND ${and} OR #state = :running AND #leaseUntilMs < :now AND ${and}`;
}

function claimChange(request: ClaimRequest): Change {
  const { id, messageId, instance, fence, nowMs, leaseUntilMs, enqueuedAtMs, body } = request;
  const { group, requestId, limitSeconds, retryOf } = request;
  const startedAt = new Date(nowMs).toISOString();
  const listing = `running#${instance}`;
  const kept = body !== undefined && Buffer.byteLength(body) <= LONGEST_KEPT_BODY ? body : undefined;
  return {
    // A claim counts once, however late a repetition of it arrives.
    condition: `attribute_not_exists(#pk) OR ${claimable('attribute_not_exists(#cancelRequestedAt) AND NOT #fence = :set_fence')}`,
    values: { ':queued': 'queued', ':running': 'running', ':now': nowMs },
    set: {
      id,
      messageId,
      instance,
      fence,
      leaseUntilMs,
      group,
      requestId,
      limitSeconds,
      startedAt,
      listing,
      state: 'running',
    },
    setOnce: { enqueuedAt: new Date(enqueuedAtMs).toISOString(), body: kept, retryOf },
    append: { tries: [{ key: tryKey(nowMs, fence), instance, startedAt }] },
    add: { attempts: 1 },
    remove: ['endedAt', 'exitStatus', 'signal', 'reason', 'expires'],
  };
}

export function keyOf(id: string): Record<string, AttributeValue> {
  return { pk: { S: `job#${id}` } };
}

/** The condition of every write after the claim: the job still runs, and under this very claim. */
function ownedBy(fence: string): Required<Pick<Change, 'condition' | 'values'>> {
  return {
    condition: '#fence = :fence AND #state = :running',
    values: { ':fence': fence, ':running': 'running' },
  };
}
