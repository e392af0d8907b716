import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { SQS_MAX_RETENTION_SECONDS } from '../lib/limits.ts';
import { emptyGroup, type GroupState, isBusy, type PlainJob } from '../policy/groups/state.ts';
import { batchGet } from './batches.ts';
import { expiryOfEnded } from './expiry.ts';
import { readIndexPages } from './index-pages.ts';
import { fromItem, toItem } from './item.ts';
import { GROUP_PREFIX, groupKey, itemKey, placeKey } from './keys.ts';
import { KEY_ATTRIBUTE, STATE_INDEX } from './table-schema.ts';

/** The partition of the groups that the keeper looks at: something of them is out, held, stopped or paused. */
const BUSY_GROUPS = 'groups';

/** How long DynamoDB keeps plain jobs' items that a crash has left. */
const PLACE_SECONDS = 365 * 86_400;

/** The items of groups, and of the plain jobs that do not fit into them. */
export class GroupItems {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  /** Strongly consistent. A group without an item is empty. */
  async read(name: string): Promise<GroupState> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: itemKey(groupKey(name)), ConsistentRead: true }),
    );
    return Item ? toState(name, fromItem(Item)) : emptyGroup(name);
  }

  /** Groups that have an item, in no order. */
  async readMany(names: Iterable<string>): Promise<GroupState[]> {
    const items = await batchGet(this.#client, this.#table, [...names].map(groupKey), {
      ConsistentRead: true,
    });
    return items.map((item) => toState(groupNameIn(item[KEY_ATTRIBUTE]?.S ?? ''), fromItem(item)));
  }

  /**
   * Writes a group that nobody has written since it was read. False: somebody has.
   *
   * A group that is not busy and has no lanes of its own expires.
   */
  async write(group: GroupState, nowMs: number): Promise<boolean> {
    const { name, version, ...state } = group;
    const busy = isBusy(group);
    const item = {
      ...state,
      name,
      version: version + 1,
      ...(busy && { [STATE_INDEX.partitionKey]: BUSY_GROUPS, [STATE_INDEX.sortKey]: name }),
      ...(!busy && group.lanes === undefined && { expires: expiryOfEnded(nowMs, SQS_MAX_RETENTION_SECONDS) }),
    };
    return this.#isAccepted(
      new PutItemCommand({
        TableName: this.#table,
        Item: { ...itemKey(groupKey(name)), ...toItem(item) },
        ...(version === 0
          ? { ConditionExpression: `attribute_not_exists(${KEY_ATTRIBUTE})` }
          : {
              ConditionExpression: '#version = :version',
              ExpressionAttributeNames: { '#version': 'version' },
              ExpressionAttributeValues: toItem({ ':version': version }),
            }),
      }),
    );
  }

  /** The names of the busy groups. Eventually consistent. Throws `IndexNotReadyError`. */
  async *busyNames(): AsyncGenerator<string> {
    const pages = readIndexPages(this.#client, {
      TableName: this.#table,
      IndexName: STATE_INDEX.name,
      KeyConditionExpression: `${STATE_INDEX.partitionKey} = :groups`,
      ExpressionAttributeValues: toItem({ ':groups': BUSY_GROUPS }),
    });
    for await (const { items } of pages) {
      for (const item of items) yield groupNameIn(item[KEY_ATTRIBUTE]?.S ?? '');
    }
  }

  /** False: somebody has written the place. */
  putPlace(group: string, number: number, jobs: readonly PlainJob[], nowMs: number): Promise<boolean> {
    return this.#isAccepted(
      new PutItemCommand({
        TableName: this.#table,
        Item: {
          ...itemKey(placeKey(group, number)),
          ...toItem({
            jobs,
            since: new Date(nowMs).toISOString(),
            expires: expiryOfEnded(nowMs, PLACE_SECONDS),
          }),
        },
        ConditionExpression: `attribute_not_exists(${KEY_ATTRIBUTE})`,
      }),
    );
  }

  /** Undefined: there is no such place any more. */
  async readPlace(group: string, number: number): Promise<PlainJob[] | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({
        TableName: this.#table,
        Key: itemKey(placeKey(group, number)),
        ConsistentRead: true,
      }),
    );
    return Item && (fromItem(Item) as unknown as { jobs: PlainJob[] }).jobs;
  }

  async deletePlace(group: string, number: number): Promise<void> {
    await this.#client.send(
      new DeleteItemCommand({ TableName: this.#table, Key: itemKey(placeKey(group, number)) }),
    );
  }

  async #isAccepted(command: PutItemCommand): Promise<boolean> {
    try {
      await this.#client.send(command);
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}

function groupNameIn(key: string): string {
  return key.slice(GROUP_PREFIX.length);
}

/** Only this project writes items with such keys, so that their attributes are not checked one by one. */
function toState(name: string, item: object): GroupState {
  const {
    [KEY_ATTRIBUTE]: _,
    listed: __,
    listedAt: ___,
    expires: ____,
    ...state
  } = item as Record<string, unknown>;
  return { ...emptyGroup(name), ...state } as GroupState;
}
