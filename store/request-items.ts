import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { RequestPolicy, RequestState } from '../policy/groups/state.ts';
import { batchGet } from './batches.ts';
import { readIndexPages } from './index-pages.ts';
import { fromItem, toItem } from './item.ts';
import { itemKey, REQUEST_PREFIX, requestKey } from './keys.ts';
import { EXPIRY_ATTRIBUTE, KEY_ATTRIBUTE, STATE_INDEX } from './table-schema.ts';
import { type Change, updateExpression } from './update-expression.ts';

/** The partitions of requests, by whether something of them is left to be done. */
export const REQUEST_LISTINGS = { live: 'requests', ended: 'ended-requests' } as const;

/** The writer of a request that the keeper drops: nobody goes on with it. */
export const DROPS = 'keeper';

/** How a request's jobs of one group ended. */
export interface GroupResult {
  succeeded: number;
  failed: number;
  cancelled: number;
}

/** A request's jobs of one group. */
export interface RequestGroup {
  name: string;
  count: number;
  /** The number of targets that the group has in all. */
  size: number;
  /** Present when nothing of them is left to be done. */
  result?: GroupResult;
}

/**
 * The item of a request. `preparing`: its jobs are being written, and nothing runs. `ended`: all of its jobs have ended. A
 * cancelled request has ended when it has `endedAt`.
 */
export interface RequestRecord {
  id: string;
  state: RequestState | 'preparing' | 'ended';
  /** Why it is in its state. */
  reason?: string;
  /** Grows with each change of the state by a person or a failure. */
  generation: number;
  /** The digest of all that the request asks. Another request with this id is refused. */
  digest: string;
  count: number;
  groups: RequestGroup[];
  policy: RequestPolicy;
  label?: string;
  submittedAt: string;
  /** While it is `preparing` or `cancelled`: jobs that were written, dropped or skipped. */
  progress?: number;
  /** While it is `preparing`: who writes its jobs, and when that one last noted its progress. */
  writer?: string;
  writtenAt?: string;
  /** Since when it is stopped or paused, and when it is cancelled then unless somebody resumes it. */
  stoppedAt?: string;
  cancelAt?: string;
  endedAt?: string;
  /** The request that this one repeats. */
  retryOf?: string;
  /** The newest request that repeats this one. */
  retriedAs?: string;
}

/** The items of requests. */
export class RequestItems {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async read(id: string): Promise<RequestRecord | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: itemKey(requestKey(id)), ConsistentRead: true }),
    );
    return Item && toRecord(fromItem(Item));
  }

  async readMany(ids: Iterable<string>): Promise<RequestRecord[]> {
    const items = await batchGet(this.#client, this.#table, [...ids].map(requestKey), {
      ConsistentRead: true,
    });
    return items.map((item) => toRecord(fromItem(item)));
  }

  /** False: there is a request with this id. */
  async create(request: RequestRecord): Promise<boolean> {
    try {
      await this.#client.send(
        new PutItemCommand({
          TableName: this.#table,
          Item: {
            ...itemKey(requestKey(request.id)),
            ...toItem({
              ...request,
              [STATE_INDEX.partitionKey]: REQUEST_LISTINGS.live,
              [STATE_INDEX.sortKey]: `${request.submittedAt}#${request.id}`,
            }),
          },
          ConditionExpression: `attribute_not_exists(${KEY_ATTRIBUTE})`,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /** Notes how many jobs of a cancelled request were looked at. */
  async noteSkipped(id: string, progress: number): Promise<void> {
    await this.#update(id, {
      condition: '#state = :cancelled',
      values: { ':cancelled': 'cancelled' },
      set: { progress },
    });
  }

  /** Notes how many jobs were written, or dropped. False: another has taken the writing over, and this one has to stop. */
  async noteWritten(id: string, writer: string, progress: number, nowMs: number): Promise<boolean> {
    const set = { progress, writtenAt: new Date(nowMs).toISOString() };
    return (await this.#update(id, { ...preparedBy(writer), set })) !== undefined;
  }

  /** Goes on instead of the one who writes the jobs. Undefined: another has done so, or all is written. */
  takeOver(
    { id, writer = '' }: RequestRecord,
    by: string,
    nowMs: number,
  ): Promise<RequestRecord | undefined> {
    const set = {
      writer: by,
      writtenAt: new Date(nowMs).toISOString(),
      ...(by === DROPS && { progress: 0 }),
    };
    return this.#update(id, { ...preparedBy(writer), set });
  }

  /** All jobs are written: they may run. False: the request is not `preparing` any more, or another writes it. */
  async open(id: string, writer: string): Promise<boolean> {
    const opened = await this.#update(id, {
      ...preparedBy(writer),
      set: { state: 'open', generation: 1 },
      remove: ['progress', 'writer', 'writtenAt'],
    });
    return opened !== undefined;
  }

  /**
   * Changes the state of a request from one of `from`. Undefined: it is in none of these, or not of this generation.
   *
   * @param generation that the request must have. Default: any.
   */
  change(
    id: string,
    from: readonly RequestState[],
    to: { state: RequestState; reason?: string | undefined; atMs: number; cancelAtMs?: number | undefined },
    generation?: number,
  ): Promise<RequestRecord | undefined> {
    const states = Object.fromEntries(from.map((state, index) => [`:from${index}`, state]));
    const isGeneration = generation === undefined ? '' : ' AND #generation = :generation';
    const halted = to.state === 'stopped' || to.state === 'paused';
    const at = new Date(to.atMs).toISOString();
    const cancelAt = to.cancelAtMs === undefined ? undefined : new Date(to.cancelAtMs).toISOString();
    return this.#update(id, {
      condition: `#state IN (${Object.keys(states).join(', ')})${isGeneration}`,
      values: { ...states, ':generation': generation },
      set: { state: to.state, reason: to.reason, ...(halted && { stoppedAt: at, cancelAt }) },
      add: { generation: 1 },
      remove: [...(to.reason === undefined ? ['reason'] : []), ...(halted ? [] : ['stoppedAt', 'cancelAt'])],
    });
  }

  /** Notes, once, how the jobs of a group ended. Returns the request afterwards. */
  async finishGroup(id: string, index: number, result: GroupResult): Promise<RequestRecord | undefined> {
    const done = await this.#update(id, {
      condition: `attribute_exists(#pk) AND attribute_not_exists(#groups[${index}].#result)`,
      set: { [`groups[${index}].result`]: { ...result } },
    });
    return done ?? this.read(id);
  }

  /** Ends a request of which nothing is left to be done. A cancelled one stays `cancelled`. */
  async end({ id, state }: RequestRecord, atMs: number, expires: number): Promise<void> {
    await this.#update(id, {
      condition: '#state = :state AND attribute_not_exists(#endedAt)',
      values: { ':state': state },
      set: {
        state: state === 'cancelled' ? state : 'ended',
        endedAt: new Date(atMs).toISOString(),
        [STATE_INDEX.partitionKey]: REQUEST_LISTINGS.ended,
        [EXPIRY_ATTRIBUTE]: expires,
      },
      remove: ['stoppedAt', 'cancelAt', 'progress'],
    });
  }

  /** Notes which request repeats this one. One that has expired stays away. */
  async noteRetry(id: string, retriedAs: string): Promise<void> {
    await this.#update(id, { condition: 'attribute_exists(#pk)', set: { retriedAs } });
  }

  /** Removes a request that this one prepares. */
  async remove(id: string, writer: string): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.#table,
      Key: itemKey(requestKey(id)),
      ConditionExpression: preparedBy(writer).condition,
      ExpressionAttributeNames: { '#state': 'state', '#writer': 'writer' },
      ExpressionAttributeValues: toItem(preparedBy(writer).values),
    });
    await this.#client.send(command).catch((error: unknown) => {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    });
  }

  /** The ids of requests, the newest first. Eventually consistent. Throws `IndexNotReadyError`. */
  async *ids(listing: keyof typeof REQUEST_LISTINGS): AsyncGenerator<string> {
    const pages = readIndexPages(this.#client, {
      TableName: this.#table,
      IndexName: STATE_INDEX.name,
      KeyConditionExpression: `${STATE_INDEX.partitionKey} = :listing`,
      ExpressionAttributeValues: toItem({ ':listing': REQUEST_LISTINGS[listing] }),
      ScanIndexForward: false,
    });
    for await (const { items } of pages) {
      for (const item of items) yield (item[KEY_ATTRIBUTE]?.S ?? '').slice(REQUEST_PREFIX.length);
    }
  }

  async #update(id: string, change: Change): Promise<RequestRecord | undefined> {
    try {
      const { Attributes } = await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: itemKey(requestKey(id)),
          ReturnValues: 'ALL_NEW',
          ...updateExpression(change),
        }),
      );
      return Attributes && toRecord(fromItem(Attributes));
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }
}

/** The condition of all that is done while a request is prepared. */
function preparedBy(writer: string) {
  return {
    condition: '#state = :preparing AND #writer = :writer',
    values: { ':preparing': 'preparing', ':writer': writer },
  };
}

/** Only this project writes items with such keys, so that their attributes are not checked one by one. */
function toRecord(item: object): RequestRecord {
  return item as RequestRecord;
}
