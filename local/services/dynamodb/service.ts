import { isStructure } from '../../front-door/read.ts';
import type { CloudContext, Input, RunningService } from '../../front-door/service.ts';
import type { Keys } from '../kms/keys.ts';
import { type Dynalite, startDynalite } from './engine.ts';
import { createIndexes } from './indexes.ts';
import { itemOperations } from './items.ts';
import { createTables } from './tables.ts';

/** "Within a few days" is what AWS promises; an hour of the cloud's time lets it be seen. */
const EXPIRY_PERIOD_MS = 60 * 60 * 1000;

/** DynamoDB: dynalite, and what it lacks of tables' settings. */
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

/** Deletes items whose time to live has passed. One that was changed meanwhile is left. */
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
