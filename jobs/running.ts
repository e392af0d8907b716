import { type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import { batchGetJobs } from './batches.ts';
import { LISTING_INDEX } from './instances.ts';
import { fromItem } from './item.ts';
import type { JobRecord } from './record.ts';

/** The jobs that run on an instance, or whose record says so. By the index: a second late at times. */
export async function runningOn(
  client: DynamoDBClient,
  table: string,
  instance: string,
): Promise<JobRecord[]> {
  const pages = paginateQuery(
    { client },
    {
      TableName: table,
      IndexName: LISTING_INDEX,
      KeyConditionExpression: 'listing = :listing',
      ExpressionAttributeValues: { ':listing': { S: `running#${instance}` } },
    },
  );
  const jobs: JobRecord[] = [];
  for await (const page of pages) {
    for (const item of page.Items ?? []) jobs.push(fromItem(item) as unknown as JobRecord);
  }
  return jobs;
}

/** Which of these jobs somebody wants to end. Eventually consistent, at half the price: who looks will look again. */
export async function cancelRequested(
  client: DynamoDBClient,
  table: string,
  ids: readonly string[],
): Promise<Set<string>> {
  const records = await batchGetJobs(client, table, ids, { ProjectionExpression: 'pk, cancelRequestedAt' });
  return new Set(ids.filter((id) => records.get(id)?.cancelRequestedAt !== undefined));
}
