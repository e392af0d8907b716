import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { fromItem, type ItemValue } from '../jobs/item.ts';
import { updateExpression } from '../jobs/update.ts';

/** What the keeper remembers between two looks: the item `fleet` of the table. */
const MemorySchema = v.object({
  /** Since when the backlog has been at the threshold. */
  backlogSinceMs: v.optional(v.number()),
  /** When the policy was executed last. */
  wokenAtMs: v.optional(v.number()),
  /** The boot breaker is open since then. */
  trippedAtMs: v.optional(v.number()),
  /** When the fleet was resumed last: boots that failed before count no more. */
  resumedAtMs: v.optional(v.number()),
});

export type Memory = v.InferOutput<typeof MemorySchema>;

const KEY = { pk: { S: 'fleet' } };

export async function readMemory(db: DynamoDBClient, table: string): Promise<Memory> {
  const { Item } = await db.send(new GetItemCommand({ TableName: table, Key: KEY, ConsistentRead: true }));
  return v.parse(MemorySchema, fromItem(Item ?? {}));
}

/** Sets what has a value and forgets what is undefined; the rest stays. */
export async function remember(
  db: DynamoDBClient,
  table: string,
  changes: { [Key in keyof Memory]: Memory[Key] | undefined },
): Promise<void> {
  const set: Record<string, ItemValue | undefined> = { fleet: true, ...changes };
  const remove = Object.keys(changes).filter((key) => set[key] === undefined);
  await db.send(new UpdateItemCommand({ TableName: table, Key: KEY, ...updateExpression({ set, remove }) }));
}
