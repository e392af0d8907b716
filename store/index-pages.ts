import {
  type AttributeValue,
  type DynamoDBClient,
  paginateQuery,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import { KEY_ATTRIBUTE, LISTING_INDEX, STATE_INDEX } from './table-schema.ts';

/** The index cannot be read: it does not exist, or DynamoDB still backfills it. */
export class IndexNotReadyError extends Error {
  constructor(table: string | undefined, index: string, options: ErrorOptions) {
    super(
      `the index ${index} of the table ${table} cannot be read: the table has no such index, or DynamoDB still fills it`,
      options,
    );
    this.name = 'IndexNotReadyError';
  }
}

/** DynamoDB's answers while an index is missing or backfilled. Both are a `ValidationException`. */
const NOT_READY = /does not have the specified index|backfilling global secondary index/i;

type Items = Record<string, AttributeValue>[];

/** The pages of a partition of an index, each with whether it is the last. Throws `IndexNotReadyError`, or as the SDK does. */
export async function* readIndexPages(
  client: DynamoDBClient,
  input: QueryCommandInput & { IndexName: string },
): AsyncGenerator<{ items: Items; isLast: boolean }> {
  try {
    for await (const { Items = [], LastEvaluatedKey } of paginateQuery({ client }, input)) {
      yield { items: Items, isLast: LastEvaluatedKey === undefined };
    }
  } catch (error) {
    if (error instanceof Error && NOT_READY.test(error.message)) {
      throw new IndexNotReadyError(input.TableName, input.IndexName, { cause: error });
    }
    throw error;
  }
}

/**
 * The keys of the items in a partition of either index. `isComplete`: the newer index could be read. If not, items that are
 * in that index only are missing. Throws `IndexNotReadyError` if neither index can be read.
 */
export async function readPartitionKeys(
  client: DynamoDBClient,
  table: string,
  partition: string,
): Promise<{ keys: string[]; isComplete: boolean }> {
  const [newer, older] = await Promise.all([
    allKeys(client, table, STATE_INDEX, partition),
    allKeys(client, table, LISTING_INDEX, partition),
  ]);
  const isComplete = !(newer instanceof IndexNotReadyError);
  if (!isComplete && older instanceof IndexNotReadyError) throw newer;
  const found = [newer, older].flatMap((keys) => (keys instanceof IndexNotReadyError ? [] : keys));
  return { keys: [...new Set(found)], isComplete };
}

async function allKeys(
  client: DynamoDBClient,
  table: string,
  index: { name: string; partitionKey: string },
  partition: string,
): Promise<string[] | IndexNotReadyError> {
  const keys: string[] = [];
  try {
    const pages = readIndexPages(client, {
      TableName: table,
      IndexName: index.name,
      KeyConditionExpression: `${index.partitionKey} = :partition`,
      ExpressionAttributeValues: { ':partition': { S: partition } },
      ProjectionExpression: KEY_ATTRIBUTE,
    });
    for await (const { items } of pages) keys.push(...items.map((item) => item[KEY_ATTRIBUTE]?.S ?? ''));
    return keys;
  } catch (error) {
    if (error instanceof IndexNotReadyError) return error;
    throw error;
  }
}
