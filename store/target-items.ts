import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { batchGet } from './batches.ts';
import { readIndexPages } from './index-pages.ts';
import { fromItem, toItem } from './item.ts';
import { itemKey, TARGET_PREFIX, targetKey } from './keys.ts';
import { KEY_ATTRIBUTE, STATE_INDEX } from './table-schema.ts';
import { updateExpression } from './update-expression.ts';

/** The partition of the targets that jobs have: the keeper frees those that nobody gives back. */
const TAKEN_TARGETS = 'targets';

/** Who has a target: a job, under one of its releases, and its group. */
export interface TargetHolder {
  job: string;
  release: number;
  group: string;
}

/** A target that a job has. */
export interface TargetState extends TargetHolder {
  since: string;
  /** Groups that have jobs for the target, and look again when it is free. */
  waiting?: string[];
}

/** The items of targets. A target without an item is free. */
export class TargetItems {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async read(target: string): Promise<TargetState | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: itemKey(targetKey(target)), ConsistentRead: true }),
    );
    return Item && (fromItem(Item) as unknown as TargetState);
  }

  /**
   * Takes a target for a job. True as well if the job has it already, under this release or an earlier one.
   *
   * @param stale a holder that is out no more: the target is taken from it, with the groups that wait
   */
  take(target: string, holder: TargetHolder, nowMs: number, stale?: TargetHolder): Promise<boolean> {
    const isOwn = '#job = :set_job AND #release <= :set_release';
    const isStale = stale ? ' OR #job = :stale AND #release = :staleRelease' : '';
    const { job, release, group } = holder;
    return this.#update(target, {
      condition: `attribute_not_exists(#pk) OR ${isOwn}${isStale}`,
      ...(stale && { values: { ':stale': stale.job, ':staleRelease': stale.release } }),
      set: {
        ...{ job, release, group, since: new Date(nowMs).toISOString() },
        ...{ [STATE_INDEX.partitionKey]: TAKEN_TARGETS, [STATE_INDEX.sortKey]: target },
      },
    });
  }

  /**
   * Notes that a group waits for a target. It is noted once, however often its jobs try again: the item has to stay small.
   *
   * @param holder the job that has the target
   * @returns false if that job does not have it any more
   */
  async wait(target: string, holder: string, group: string): Promise<boolean> {
    const { job, waiting = [] } = (await this.read(target)) ?? {};
    if (job === holder && waiting.includes(group)) return true;
    return this.#update(target, {
      condition: '#job = :holder',
      values: { ':holder': holder },
      append: { waiting: [group] },
    });
  }

  /**
   * Gives a target back. Returns the groups that wait for it. Nothing happens if the job does not have it, or has it under a later
   * release: it was recalled and is out again.
   */
  async free(target: string, { job, release }: Pick<TargetHolder, 'job' | 'release'>): Promise<string[]> {
    try {
      const { Attributes } = await this.#client.send(
        new DeleteItemCommand({
          TableName: this.#table,
          Key: itemKey(targetKey(target)),
          ConditionExpression: '#job = :job AND #release <= :release',
          ExpressionAttributeNames: { '#job': 'job', '#release': 'release' },
          ExpressionAttributeValues: toItem({ ':job': job, ':release': release }),
          ReturnValues: 'ALL_OLD',
        }),
      );
      const { waiting = [] } = (Attributes ? fromItem(Attributes) : {}) as unknown as Partial<TargetState>;
      return [...new Set(waiting)];
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return [];
      throw error;
    }
  }

  /** The targets that jobs have, by name. Throws `IndexNotReadyError`. */
  async readAll(): Promise<Map<string, TargetState>> {
    const keys: string[] = [];
    const pages = readIndexPages(this.#client, {
      TableName: this.#table,
      IndexName: STATE_INDEX.name,
      KeyConditionExpression: `${STATE_INDEX.partitionKey} = :taken`,
      ExpressionAttributeValues: toItem({ ':taken': TAKEN_TARGETS }),
    });
    for await (const { items } of pages) keys.push(...items.map((item) => item[KEY_ATTRIBUTE]?.S ?? ''));
    // The index is eventually consistent.
    const items = await batchGet(this.#client, this.#table, keys, { ConsistentRead: true });
    return new Map(
      items.map((item) => [
        (item[KEY_ATTRIBUTE]?.S ?? '').slice(TARGET_PREFIX.length),
        fromItem(item) as unknown as TargetState,
      ]),
    );
  }

  async #update(target: string, change: Parameters<typeof updateExpression>[0]): Promise<boolean> {
    try {
      await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: itemKey(targetKey(target)),
          ...updateExpression(change),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}
