import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { fromItem } from './item.ts';
import { type JobRecord, type JobState, TERMINAL_STATES } from './record.ts';
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
}

export type Claim =
  | { kind: 'claimed'; attempts: number }
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
  output?: string | undefined;
}

/** Written, or another claim has taken the job over since: then nothing was written, and nothing may be. */
export type Written = 'written' | 'taken-over';

/**
 * The job table: one item a job, changed by conditional updates of that item alone, so that no crash can leave two
 * items at odds. Every write can be repeated: one that reached the table though its answer was lost is recognised by
 * its fence.
 */
export class JobTable {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async get(id: string): Promise<JobRecord | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: keyOf(id), ConsistentRead: true }),
    );
    return Item && (fromItem(Item) as unknown as JobRecord);
  }

  /** Takes a job that is new, queued, or whose last lease has ended. Counts the attempt. */
  async claim(request: ClaimRequest): Promise<Claim> {
    const { id, messageId, instance, fence, nowMs, leaseUntilMs, enqueuedAtMs, group, requestId } = request;
    const attempts = await this.#update(id, {
      condition:
        'attribute_not_exists(#pk) OR #state = :queued OR (#state = :running AND #leaseUntilMs < :now)',
      set: {
        id,
        messageId,
        instance,
        fence,
        leaseUntilMs,
        group,
        requestId,
        state: 'running',
        listing: `running#${instance}`,
        startedAt: new Date(nowMs).toISOString(),
      },
      setOnce: { enqueuedAt: new Date(enqueuedAtMs).toISOString() },
      add: { attempts: 1 },
      remove: ['endedAt', 'exitStatus', 'signal', 'reason', 'output', 'expires'],
      values: { ':queued': 'queued', ':running': 'running', ':now': nowMs },
    });
    if (attempts !== undefined) return { kind: 'claimed', attempts };
    const record = await this.get(id);
    // Gone between the two calls (its time to live): free again.
    if (!record) return this.claim(request);
    if (record.state === 'running' && record.fence === fence)
      return { kind: 'claimed', attempts: record.attempts };
    if (TERMINAL_STATES.has(record.state)) return { kind: 'ended', record };
    if (record.state === 'running') return { kind: 'running', untilMs: record.leaseUntilMs ?? nowMs };
    if (record.state === 'queued') return this.claim(request);
    return { kind: 'waiting', state: record.state };
  }

  /** Extends the lease of a running try. */
  async renew(id: string, fence: string, leaseUntilMs: number): Promise<Written> {
    const done = await this.#update(id, {
      ...ownedBy(fence),
      set: { leaseUntilMs },
    });
    return done === undefined ? 'taken-over' : 'written';
  }

  /**
   * Writes a job's last state, once.
   *
   * @param refund attempts to take off again: the try that ended did not count
   * @param expires epoch seconds, when the table forgets the record
   */
  async finish(
    id: string,
    fence: string,
    state: JobState,
    end: TryEnd & { endedAtMs: number; expires: number; refund: 0 | 1 },
  ): Promise<Written> {
    const { endedAtMs, expires, refund, exitStatus, signal, reason, output } = end;
    const done = await this.#update(id, {
      ...ownedBy(fence),
      set: { state, endedAt: new Date(endedAtMs).toISOString(), expires, exitStatus, signal, reason, output },
      add: { attempts: -refund },
      remove: ['listing', 'leaseUntilMs'],
    });
    return done === undefined ? this.#recognise(id, fence, state) : 'written';
  }

  /** Makes a job queued again; `refund` as for `finish`. */
  async handBack(id: string, fence: string, end: TryEnd & { refund: 0 | 1 }): Promise<Written> {
    const { refund, exitStatus, signal, reason, output } = end;
    const done = await this.#update(id, {
      ...ownedBy(fence),
      set: { state: 'queued', exitStatus, signal, reason, output },
      add: { attempts: -refund },
      remove: ['listing', 'leaseUntilMs'],
    });
    return done === undefined ? this.#recognise(id, fence, 'queued') : 'written';
  }

  /** Whether a refused write is an earlier one of our own, whose answer was lost. */
  async #recognise(id: string, fence: string, state: JobState): Promise<Written> {
    const record = await this.get(id);
    return record?.fence === fence && record.state === state ? 'written' : 'taken-over';
  }

  /** One conditional update. Returns the attempts afterwards, or undefined when the condition does not hold. */
  async #update(id: string, change: Change): Promise<number | undefined> {
    try {
      const { Attributes } = await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: keyOf(id),
          ReturnValues: 'UPDATED_NEW',
          ...updateExpression(change),
        }),
      );
      return Number(Attributes?.['attempts']?.N ?? 0);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }
}

function keyOf(id: string): Record<string, AttributeValue> {
  return { pk: { S: `job#${id}` } };
}

/** The condition of every write after the claim: the job still runs, and under this very claim. */
function ownedBy(fence: string): Pick<Change, 'condition' | 'values'> {
  return {
    condition: '#fence = :fence AND #state = :running',
    values: { ':fence': fence, ':running': 'running' },
  };
}
