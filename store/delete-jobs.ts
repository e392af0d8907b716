import { BatchWriteItemCommand, type DynamoDBClient, type WriteRequest } from '@aws-sdk/client-dynamodb';
import { DYNAMODB_MAX_BATCH_WRITE } from '../lib/limits.ts';
import { retryUnprocessed, runInBatches, systemRetryContext } from './batches.ts';
import { itemKey, jobKey } from './keys.ts';

/** Deletes the records of jobs of which no message was ever sent. Only the keeper has the right to do so. */
export async function deleteJobs(
  client: DynamoDBClient,
  table: string,
  ids: readonly string[],
): Promise<void> {
  const writes = ids.map((id): WriteRequest => ({ DeleteRequest: { Key: itemKey(jobKey(id)) } }));
  await runInBatches(writes, DYNAMODB_MAX_BATCH_WRITE, (batch) =>
    retryUnprocessed(table, batch, systemRetryContext, async (left) => {
      const { UnprocessedItems } = await client.send(
        new BatchWriteItemCommand({ RequestItems: { [table]: left } }),
      );
      return UnprocessedItems?.[table] ?? [];
    }),
  );
}
