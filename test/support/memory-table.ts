import { type AttributeValue, ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { fromItem } from '../../store/item.ts';
import {
  EXPIRY_ATTRIBUTE,
  INDEX_DEFINITIONS,
  KEY_ATTRIBUTE,
  TABLE_DEFINITION,
} from '../../store/table-schema.ts';
import { type Item, meets, type Names, updated } from './expressions.ts';

type Input = Record<string, unknown> & Names;

/** An item before and after a write. Undefined: there is none. */
export type OnWrite = (key: string, before: Item | undefined, after: Item | undefined) => void;

/**
 * A table of a fleet in this process: what DynamoDB answers to the calls that the product makes, a hundred times as fast as the
 * embedded cloud. test/support/memory-table.test.ts compares the two.
 */
export class MemoryTable {
  /** By their keys. */
  readonly items = new Map<string, Item>();
  /** The calls that were made, by their action. */
  readonly calls: Record<string, number> = {};
  readonly #listeners = new Set<OnWrite>();

  /** Calls the listener after each write. */
  onWrite(listener: OnWrite): void {
    this.#listeners.add(listener);
  }

  /** What a program would read of an item. It must not be changed. */
  read<Kind>(key: string): Kind | undefined {
    return plainItem<Kind>(this.items.get(key));
  }

  /** The items whose keys begin with a prefix, by the rest of their keys. */
  readAll<Kind>(prefix: string): Map<string, Kind> {
    const keys = [...this.items.keys()].filter((key) => key.startsWith(prefix));
    return new Map(keys.map((key) => [key.slice(prefix.length), this.read(key) as Kind]));
  }

  /** As DynamoDB's time to live, at once. */
  expire(nowMs: number): void {
    for (const [key, item] of this.items)
      if (Number(item[EXPIRY_ATTRIBUTE]?.N ?? Number.POSITIVE_INFINITY) * 1000 < nowMs)
        this.items.delete(key);
  }

  /** @param command the name of the SDK's command */
  async answer(command: string, input: object): Promise<object> {
    const action = command.replace(/Command$/, '');
    this.calls[action] = (this.calls[action] ?? 0) + 1;
    return { $metadata: {}, ...this.#answer(action, input as Input) };
  }

  #answer(action: string, input: Input): object {
    switch (action) {
      case 'GetItem':
        return withItem('Item', this.items.get(keyIn(input['Key'])));
      case 'PutItem':
        return this.#write(input, keyIn(input['Item']), () => input['Item'] as Item);
      case 'DeleteItem':
        return this.#write(input, keyIn(input['Key']), () => undefined);
      case 'UpdateItem':
        return this.#write(input, keyIn(input['Key']), (before = input['Key'] as Item) =>
          updated(String(input['UpdateExpression']), before, input),
        );
      case 'BatchGetItem':
        return this.#batchGet(input['RequestItems'] as Record<string, { Keys: Item[] }>);
      case 'BatchWriteItem':
        return this.#batchWrite(input['RequestItems'] as Record<string, WriteRequest[]>);
      case 'Query':
        return this.#query(input);
      default:
        throw new Error(`the table in memory knows no ${action}`);
    }
  }

  #write(input: Input, key: string, change: (before: Item | undefined) => Item | undefined): object {
    const before = this.items.get(key);
    if (!meets(input['ConditionExpression'] as string | undefined, before ?? {}, input)) {
      throw new ConditionalCheckFailedException({
        message: 'The conditional request failed',
        $metadata: {},
        ...(input['ReturnValuesOnConditionCheckFailure'] === 'ALL_OLD' && before && { Item: before }),
      });
    }
    const after = change(before);
    this.#set(key, before, after);
    if (input['ReturnValues'] === 'ALL_NEW') return withItem('Attributes', after);
    return input['ReturnValues'] === 'ALL_OLD' ? withItem('Attributes', before) : {};
  }

  #set(key: string, before: Item | undefined, after: Item | undefined): void {
    if (after) this.items.set(key, after);
    else this.items.delete(key);
    for (const listener of this.#listeners) listener(key, before, after);
  }

  #batchGet(requests: Record<string, { Keys: Item[] }>): object {
    const found = Object.entries(requests).map(([table, { Keys }]) => [
      table,
      Keys.map((key) => this.items.get(keyIn(key))).filter((item) => item !== undefined),
    ]);
    return { Responses: Object.fromEntries(found), UnprocessedKeys: {} };
  }

  #batchWrite(requests: Record<string, WriteRequest[]>): object {
    for (const { PutRequest, DeleteRequest } of Object.values(requests).flat()) {
      const key = keyIn(PutRequest?.Item ?? DeleteRequest?.Key);
      this.#set(key, this.items.get(key), PutRequest?.Item);
    }
    return { UnprocessedItems: {} };
  }

  #query(input: Input): object {
    const index = INDEXES.get(String(input['IndexName']));
    if (!index) throw new Error(`the table has no index ${input['IndexName']}`);
    const { keys, projected } = index;
    const found = [...this.items.values()]
      .filter((item) => keys.every((key) => item[key]))
      .filter((item) => meets(String(input['KeyConditionExpression']), item, input))
      .map((item) => (projected ? pick(item, projected) : item))
      .filter((item) => meets(input['FilterExpression'] as string | undefined, item, input));
    const sortKey = keys[1] ?? KEY_ATTRIBUTE;
    found.sort((one, other) => ((one[sortKey]?.S ?? '') < (other[sortKey]?.S ?? '') ? -1 : 1));
    if (input['ScanIndexForward'] === false) found.reverse();
    return { Items: found, Count: found.length };
  }
}

/** Items are never changed, so that each is read once. */
const plainItems = new WeakMap<Item, unknown>();

/** An item as a program reads it. It must not be changed. */
export function plainItem<Kind>(item: Item | undefined): Kind | undefined {
  if (!item) return undefined;
  const plain = plainItems.get(item) ?? fromItem(item);
  plainItems.set(item, plain);
  return plain as Kind;
}

interface WriteRequest {
  PutRequest?: { Item: Item };
  DeleteRequest?: { Key: Item };
}

const INDEXES = new Map(
  Object.values(INDEX_DEFINITIONS).map(({ IndexName, KeySchema, Projection }) => {
    const keys = KeySchema.map(({ AttributeName }) => AttributeName);
    const projected =
      'NonKeyAttributes' in Projection ? [KEY_ATTRIBUTE, ...keys, ...Projection.NonKeyAttributes] : undefined;
    return [IndexName as string, { keys: keys as string[], projected }];
  }),
);

function pick(item: Item, names: readonly string[]): Item {
  return Object.fromEntries(names.flatMap((name) => (item[name] ? [[name, item[name]]] : [])));
}

function keyIn(item: unknown): string {
  const key = (item as Record<string, AttributeValue> | undefined)?.[KEY_ATTRIBUTE]?.S;
  if (key === undefined) throw new Error(`an item without ${TABLE_DEFINITION.KeySchema[0]?.AttributeName}`);
  return key;
}

function withItem(name: 'Item' | 'Attributes', item: Item | undefined): object {
  return item ? { [name]: item } : {};
}
