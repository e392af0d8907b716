import { paginateQuery } from '@aws-sdk/client-dynamodb';
import { LISTING_INDEX } from '../jobs/instances.ts';
import { fromItem } from '../jobs/item.ts';
import type { JobRecord } from '../jobs/record.ts';
import { JobTable } from '../jobs/table.ts';
import { settle } from '../policy/settle.ts';
import type { Hands } from './hands.ts';

/**
 * Settles the jobs that an instance left running when it went. Once none waits for its lease to end, the instance's
 * record is moved to the retired ones.
 */
export async function settleInstance(hands: Hands, instance: string): Promise<void> {
  const { clients, config, instances, nowMs, log } = hands;
  const table = new JobTable(clients.dynamodb, config.table);
  let waiting = 0;
  for (const job of await runningOn(hands, instance)) {
    const { id, fence = '', leaseUntilMs = 0, enqueuedAt } = job;
    const enqueuedAtMs = enqueuedAt === undefined ? undefined : Date.parse(enqueuedAt);
    const outcome = settle({ id, fence, leaseUntilMs, enqueuedAtMs }, nowMs, config.retentionSeconds * 1000);
    log.info({ job: id, instance, outcome }, 'a job’s instance is gone');
    if (outcome === 'wait') waiting++;
    const reason = `its instance ${instance} went while it ran`;
    if (outcome === 'queued') await table.handBack(id, fence, { refund: 0, reason });
    if (outcome === 'lost') {
      const expires = Math.floor(nowMs / 1000) + config.recordSeconds;
      const why = `${reason}, and its message is older than the queue keeps any`;
      await table.finish(id, fence, 'lost', { endedAtMs: nowMs, expires, refund: 0, reason: why });
    }
  }
  if (waiting === 0) await instances.gone(instance, nowMs);
}

async function runningOn({ clients, config }: Hands, instance: string): Promise<JobRecord[]> {
  const pages = paginateQuery(
    { client: clients.dynamodb },
    {
      TableName: config.table,
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
