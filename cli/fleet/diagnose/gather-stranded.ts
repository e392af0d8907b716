import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { fromItem } from '../../../jobs/item.ts';
import type { FleetContext } from '../context.ts';
import type { QueueSeen, Stranded } from './facts.ts';

/** A job is sent right after its record is written, and SQS's counts may be a minute behind. */
const YOUNG_MS = 15 * 60_000;
/** Parts of the table that are looked through, a page of 1 MB each: all of a small one, a sample of a large one. */
const PARTS = 4;
const MOST_JOBS = 10;

/** Jobs that are queued in the table for long while the queue is empty: no message is left that could run them. */
export async function lookForStranded(
  context: FleetContext,
  queue: Pick<QueueSeen, 'visible' | 'inFlight' | 'delayed'> | undefined,
): Promise<Stranded> {
  const { facts } = context;
  const empty = queue && queue.visible + queue.inFlight + queue.delayed === 0;
  if (!empty || !facts.trackJobs) return { jobs: [], partly: false };
  const parts = await Promise.all(Array.from({ length: PARTS }, (_, part) => scan(context, part)));
  return {
    jobs: parts.flatMap(({ jobs }) => jobs).slice(0, MOST_JOBS),
    partly: parts.some(({ partly }) => partly),
  };
}

async function scan({ clients, facts, clock }: FleetContext, Segment: number): Promise<Stranded> {
  const ago = (ms: number) => ({ S: new Date(clock.now() - ms).toISOString() });
  const { Items = [], LastEvaluatedKey } = await clients.dynamodb.send(
    new ScanCommand({
      TableName: facts.table,
      Segment,
      TotalSegments: PARTS,
      // Older ones count as lost already.
      FilterExpression: 'begins_with(pk, :job) AND #state = :queued AND enqueuedAt BETWEEN :lost AND :young',
      ProjectionExpression: 'id',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: {
        ':job': { S: 'job#' },
        ':queued': { S: 'queued' },
        ':lost': ago(facts.retentionSeconds * 1000),
        ':young': ago(YOUNG_MS),
      },
    }),
  );
  return { jobs: Items.map((item) => String(fromItem(item)['id'])), partly: LastEvaluatedKey !== undefined };
}
