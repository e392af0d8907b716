import { isStructure } from '../../front-door/read.ts';
import type { CloudContext, Input, RunningService } from '../../front-door/service.ts';
import type { Keys } from '../kms/keys.ts';
import { type Dynalite, startDynalite } from './engine.ts';
import { createIndexes } from './indexes.ts';
import { itemOperations } from './items.ts';
import { createTables } from './tables.ts';

/** AWS deletes expired items "within a few days". An hour of the cloud's time makes it visible. */
const EXPIRY_PERIOD_MS = 60 * 60 * 1000;

/** DynamoDB: dynalite, with the table settings that it lacks. */
export function createDynamoDb(context: CloudContext, keys: Keys): RunningService {
  const indexes = createIndexes(context, startDynalite());
  const { dynalite } = indexes;
  const tables = createTables(context, indexes);
  const cancel = context.clock.every(EXPIRY_PERIOD_MS, async () => {
    for (const [table, attribute] of tables.expiring()) {
      await expireItems(dynalite, table, attribute, context.clock.now());
    }
  });
  return {
    service: {
      name: 'dynamodb',
      operations: { ...tables.operations, ...itemOperations({ context, dynalite, tables, keys }) },
    },
    close: async () => cancel(),
  };
}

/** Deletes items whose time to live has passed. An item that was changed in the meantime stays. */
async function expireItems(
  dynalite: Dynalite,
  table: string,
  attribute: string,
  nowMs: number,
): Promise<void> {
  const now = { N: String(Math.floor(nowMs / 1000)) };
  const condition = {
    ExpressionAttributeNames: { '#ttl': attribute },
    ExpressionAttributeValues: { ':now': now },
  };
  const { Table } = await dynalite('DescribeTable', { TableName: table });
  const keys = isStructure(Table)
    ? (Table['KeySchema'] as Input[]).map((key) => String(key['AttributeName']))
    : [];
  let start: unknown;
  do {
    const page = await dynalite('Scan', {
      TableName: table,
      FilterExpression: '#ttl < :now',
      ...condition,
      ...(start ? { ExclusiveStartKey: start } : {}),
    });
    for (const item of page['Items'] as Input[]) {
      const Key = Object.fromEntries(keys.map((key) => [key, item[key]]));
      const expired = { TableName: table, Key, ConditionExpression: '#ttl < :now', ...condition };
      await dynalite('DeleteItem', expired).catch(() => {});
    }
    start = page['LastEvaluatedKey'];
  } while (start);
}
