import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  paginateQuery,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { fromItem, toItem } from './item.ts';
import type { InstanceRecord, Retirement } from './record.ts';

/** The table's index of what lives and what runs ("The contracts in detail"). */
export const LISTING_INDEX = 'byListing';
/** "BatchGetItem": at most 100 items a call. */
const MOST_KEYS = 100;

/** The instances in the table. An agent writes its own; the keeper reads all and moves those that are gone. */
export interface InstanceStore {
  /** An instance that is ready for work: lists it as living, whatever an earlier run of its agent had said. */
  ready(instance: string, at: { launchedAt?: string; readyAt: string; bootSeconds?: number }): Promise<void>;
  /** The instance lives. Lists it, so that an agent which could not say that it was ready is known all the same. */
  heard(instance: string, nowMs: number): Promise<void>;
  /**
   * Why the instance goes. It stays among the living until it is `gone`, unless `listing` says otherwise: who leaves
   * something to settle leaves that to the keeper.
   */
  retiring(instance: string, retirement: Retirement, listing: InstanceRecord['listing']): Promise<void>;
  /** The instance goes on after all. */
  stays(instance: string): Promise<void>;
  /** The instance is gone and nothing of it is left to settle. `retirement` counts only if it has none yet. */
  gone(instance: string, expires: number, retirement?: Retirement): Promise<void>;
  /** All instances that are not known to be gone. */
  living(): Promise<InstanceRecord[]>;
  /** These instances, listed or not; who has no record is missing. */
  find(instances: readonly string[]): Promise<Map<string, InstanceRecord>>;
}

type Update = { set: object; remove?: string[] };

/** @param recordSeconds how long the record of an instance outlives it */
export function instanceStore(db: DynamoDBClient, table: string, recordSeconds: number): InstanceStore {
  const expiryOf = (iso: string) => Math.floor(Date.parse(iso) / 1000) + recordSeconds;
  const update = (instance: string, { set, remove = [] }: Update, condition?: string) =>
    db.send(
      new UpdateItemCommand({
        TableName: table,
        Key: keyOf(instance),
        ...expression(set, remove),
        ...(condition && { ConditionExpression: condition }),
      }),
    );

  return {
    async ready(instance, { launchedAt, readyAt, bootSeconds }) {
      const set = {
        instance,
        listing: 'instances',
        launchedAt,
        readyAt,
        bootSeconds,
        heardAtMs: Date.parse(readyAt),
      };
      await update(instance, { set, remove: ['retirement', 'expires'] });
    },
    async heard(instance, nowMs) {
      await update(instance, { set: { instance, heardAtMs: nowMs, listing: 'instances' } });
    },
    async retiring(instance, retirement, listing) {
      const expires = listing === 'retired' ? expiryOf(retirement.endedAt) : undefined;
      await update(instance, { set: { instance, retirement, listing, expires } });
    },
    async stays(instance) {
      await update(instance, { set: { instance, listing: 'instances' }, remove: ['retirement', 'expires'] });
    },
    async gone(instance, expires, retirement) {
      if (retirement) {
        await ignoringCondition(
          update(instance, { set: { instance, retirement } }, 'attribute_not_exists(retirement)'),
        );
      }
      await update(instance, { set: { instance, listing: 'retired', expires } });
    },
    async living() {
      const pages = paginateQuery(
        { client: db },
        {
          TableName: table,
          IndexName: LISTING_INDEX,
          KeyConditionExpression: 'listing = :listing',
          ExpressionAttributeValues: { ':listing': { S: 'instances' } },
        },
      );
      const records: InstanceRecord[] = [];
      for await (const page of pages) for (const item of page.Items ?? []) records.push(recordOf(item));
      return records;
    },
    async find(instances) {
      const found = new Map<string, InstanceRecord>();
      for (let at = 0; at < instances.length; at += MOST_KEYS) {
        for (const record of await getAll(db, table, instances.slice(at, at + MOST_KEYS))) {
          found.set(record.instance, record);
        }
      }
      return found;
    },
  };
}

async function getAll(
  db: DynamoDBClient,
  table: string,
  instances: readonly string[],
): Promise<InstanceRecord[]> {
  const records: InstanceRecord[] = [];
  let keys: Record<string, AttributeValue>[] = instances.map(keyOf);
  while (keys.length > 0) {
    const { Responses, UnprocessedKeys } = await db.send(
      new BatchGetItemCommand({ RequestItems: { [table]: { Keys: keys } } }),
    );
    for (const item of Responses?.[table] ?? []) records.push(recordOf(item));
    keys = UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return records;
}

function keyOf(instance: string): Record<string, AttributeValue> {
  return { pk: { S: `instance#${instance}` } };
}

function recordOf(item: Record<string, AttributeValue>): InstanceRecord {
  return fromItem(item) as unknown as InstanceRecord;
}

/** An update expression; names are always aliased, since many are reserved words. */
function expression(set: object, remove: readonly string[]) {
  const values = Object.entries(toItem(set));
  const names = [...values.map(([name]) => name), ...remove];
  const sets = `SET ${values.map(([name]) => `#${name} = :${name}`).join(', ')}`;
  return {
    UpdateExpression:
      remove.length > 0 ? `${sets} REMOVE ${remove.map((name) => `#${name}`).join(', ')}` : sets,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(values.map(([name, value]) => [`:${name}`, value])),
  };
}

async function ignoringCondition(update: Promise<unknown>): Promise<void> {
  try {
    await update;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}
