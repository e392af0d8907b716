import type { ConditionContext } from '../../front-door/conditions.ts';
import { isStructure, optionalText, text } from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../front-door/service.ts';
import type { Keys } from '../kms/keys.ts';
import { batchedItems, batchGet, readRequestItems } from './batches.ts';
import type { Dynalite } from './engine.ts';
import { parseTableName } from './table-settings.ts';
import { type TableStore, tableArn } from './tables.ts';

interface ItemParts {
  context: CloudContext;
  dynalite: Dynalite;
  tables: Pick<TableStore, 'partitionKeyOf' | 'encryptionKeyOf'>;
  keys: Keys;
}

/**
 * Operations on items. dynalite implements them, with reliable conditional writes. Policies may depend on the partition
 * keys that a call names (`dynamodb:LeadingKeys`).
 */
export function itemOperations(parts: ItemParts): Record<string, Operation> {
  const { context, dynalite, keys } = parts;
  const { partitionKeyOf, encryptionKeyOf } = parts.tables;
  /** "DynamoDB encryption at rest": DynamoDB decrypts the table's key with the permissions of the caller. */
  const keyUses = (names: string[]) =>
    names.flatMap((name) =>
      keys.use(encryptionKeyOf(name), {
        actions: ['kms:Decrypt'],
        conditions: { 'kms:EncryptionContext:aws:dynamodb:tableName': parseTableName(name) },
      }),
    );
  const arnOf = (name: string) => tableArn(context, parseTableName(name));
  const leadingKeys = (items: [table: string, item: unknown][]): ConditionContext => {
    const keys = items.flatMap(([table, item]) => {
      const key = partitionKeyOf(table);
      const value = key !== undefined && isStructure(item) ? item[key] : undefined;
      return isStructure(value) ? Object.values(value).map(String) : [];
    });
    return keys.length > 0 ? { 'dynamodb:LeadingKeys': keys } : {};
  };
  const single = (action: string): Operation => ({
    resources: (input) => [arnOf(text(input, 'TableName'))],
    keyUses: (input) => keyUses([text(input, 'TableName')]),
    conditions: (input) => leadingKeys([[text(input, 'TableName'), input['Key'] ?? input['Item']]]),
    run: (input) => dynalite(action, withTableName(input)),
  });
  const conditional = (action: string): Operation => ({
    ...single(action),
    run: (input) => writeConditionally(dynalite, action, withTableName(input)),
  });
  const batch = (run: Operation['run']): Operation => ({
    resources: (input) => Object.keys(readRequestItems(input)).map(arnOf),
    keyUses: (input) => keyUses(Object.keys(readRequestItems(input))),
    conditions: (input) => leadingKeys(batchedItems(input)),
    run,
  });
  const query = (action: string): Operation => ({
    resources: (input) => {
      const index = optionalText(input, 'IndexName');
      const table = arnOf(text(input, 'TableName'));
      return [index ? `${table}/index/${index}` : table];
    },
    keyUses: (input) => keyUses([text(input, 'TableName')]),
    run: (input) => dynalite(action, withTableName(input)),
  });
  return {
    GetItem: single('GetItem'),
    PutItem: conditional('PutItem'),
    UpdateItem: conditional('UpdateItem'),
    DeleteItem: conditional('DeleteItem'),
    Query: query('Query'),
    Scan: query('Scan'),
    BatchGetItem: batch((input) => batchGet(dynalite, input)),
    BatchWriteItem: batch((input) => dynalite('BatchWriteItem', input)),
  };
}

/** A table may be named by its ARN, which dynalite does not support. */
function withTableName(input: Input): Input {
  const name = text(input, 'TableName');
  return name.startsWith('arn:') ? { ...input, TableName: parseTableName(name) } : input;
}

/**
 * With `ReturnValuesOnConditionCheckFailure: ALL_OLD` the error returns the item that failed the condition. It is read
 * after the failure, so after a concurrent write it is newer than the one that failed, never older.
 */
async function writeConditionally(
  dynalite: Dynalite,
  action: string,
  input: Input,
): Promise<Record<string, unknown>> {
  const { ReturnValuesOnConditionCheckFailure: wanted, ...request } = input;
  try {
    return await dynalite(action, request);
  } catch (error) {
    const failed = error instanceof AwsError && error.code === 'ConditionalCheckFailedException';
    if (!failed || wanted !== 'ALL_OLD') throw error;
    const key = isStructure(input['Key']) ? input['Key'] : await itemKey(dynalite, input);
    const { Item } = await dynalite('GetItem', {
      TableName: input['TableName'],
      Key: key,
      ConsistentRead: true,
    });
    throw new AwsError(error.code, error.message, error.status, Item ? { Item } : {});
  }
}

async function itemKey(dynalite: Dynalite, input: Input): Promise<Input> {
  const { Table } = await dynalite('DescribeTable', { TableName: input['TableName'] });
  const schema =
    isStructure(Table) && Array.isArray(Table['KeySchema']) ? (Table['KeySchema'] as Input[]) : [];
  const item = isStructure(input['Item']) ? input['Item'] : {};
  return Object.fromEntries(schema.map(({ AttributeName }) => [AttributeName, item[String(AttributeName)]]));
}
