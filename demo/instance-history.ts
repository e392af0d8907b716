import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import type { Facts } from '../checker/facts.ts';
import { groupRuns } from '../checker/journal.ts';
import { findOwner } from '../checker/rules/runs.ts';
import { INSTANCE_PREFIX, instanceIdIn } from '../store/keys.ts';
import type { InstanceHistory, JobRun } from './history.ts';
import type { SeenInstance } from './watch.ts';

/** The history of each instance: its times from EC2, its jobs from the journal, and its retirement from its record. */
export function instanceHistories(
  seen: Iterable<SeenInstance>,
  facts: Facts,
  records: ReadonlyMap<string, RecordedInstance>,
): InstanceHistory[] {
  const byInstance = Map.groupBy(groupRuns(facts.journal), (run) => findOwner(run, facts));
  return [...seen]
    .toSorted((a, b) => a.launchedMs - b.launchedMs)
    .map((instance) => {
      const jobs: JobRun[] = (byInstance.get(instance.id) ?? []).map((run) => ({
        job: run.job,
        startedMs: run.startedMs,
        endedMs: run.seenMs,
        ...(run.status === undefined ? {} : { status: run.status }),
      }));
      return { ...instance, jobs, ...records.get(instance.id) };
    });
}

export type RecordedInstance = Pick<InstanceHistory, 'readyMs' | 'reason' | 'idleSeconds' | 'rung'>;

/** Reads the records of the instances (`instance#<id>`) from the table. */
export async function readInstanceRecords(
  client: DynamoDBClient,
  table: string,
): Promise<Map<string, RecordedInstance>> {
  const stories = new Map<string, RecordedInstance>();
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true })) {
    for (const { pk, readyAt, retirement } of Items) {
      if (!pk?.S?.startsWith(INSTANCE_PREFIX)) continue;
      const { reason, rung, idleSeconds } = retirement?.M ?? {};
      stories.set(instanceIdIn(pk.S), {
        ...(readyAt?.S ? { readyMs: Date.parse(readyAt.S) } : {}),
        ...(reason?.S ? { reason: reason.S } : {}),
        ...(rung?.S ? { rung: rung.S } : {}),
        ...(idleSeconds?.N ? { idleSeconds: Number(idleSeconds.N) } : {}),
      });
    }
  }
  return stories;
}
