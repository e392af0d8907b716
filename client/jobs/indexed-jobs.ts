import { type JobRecord, type JobState, TERMINAL_STATES } from '../../jobs/record.ts';
import { isIndexComplete, readFleetState } from '../../store/fleet-state.ts';
import { IndexNotReadyError } from '../../store/index-pages.ts';
import { readLiveInstanceKeys } from '../../store/instance-store.ts';
import { instanceIdIn } from '../../store/keys.ts';
import { type EntryFilter, type Partition, readListedJobs } from '../../store/listed-jobs.ts';
import { runningPartition, statePartitions } from '../../store/partitions.ts';
import type { FleetContext } from '../context.ts';
import { createJobIndex } from '../job-records.ts';

/** Most entries of a partition that a call reads. */
const LARGEST_PAGE = 1000;
/** Most and least records that are read at once. The least applies when some of those read before did not match. */
const LARGEST_READ = 400;
const SMALLEST_READ = 10;

/** Jobs in a state that were enqueued in a period. */
export interface Range {
  state: JobState;
  sinceMs?: number | undefined;
  beforeMs?: number | undefined;
  /** Only jobs with a group. */
  grouped?: true | undefined;
}

/** Whether the index `byState` contains all jobs of the fleet. */
export async function isIndexed({ clients, facts, clock }: FleetContext): Promise<boolean> {
  const state = await readFleetState(clients.dynamodb, facts.table);
  return isIndexComplete(state, facts.recordSeconds, clock.now());
}

/**
 * Finds jobs by the index and yields their current records, the newest first. A job's state may differ from the one in
 * the index, which is updated later. Throws `IndexNotReadyError`.
 *
 * @param most number of records that the caller needs; no more are read at once
 * @param onMore called once, when the filter makes it read more than a page of each partition
 */
export async function* readIndexedJobs(
  context: FleetContext,
  ranges: readonly Range[],
  filter: EntryFilter,
  most: number,
  onMore?: () => void,
): AsyncGenerator<JobRecord> {
  const { clients, facts } = context;
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const pageSize = isFiltered ? LARGEST_PAGE : Math.min(most, LARGEST_PAGE);
  const reading = { filter, pageSize, onMore: isFiltered ? onMore : undefined };
  const partitions = await Promise.all(ranges.map((range) => partitionsIn(context, range, filter)));
  const seen = new Set<string>();
  let size = Math.min(LARGEST_READ, most);
  let batch: string[] = [];
  const recordsOfBatch = async () => {
    const records = await createJobIndex(context).getMany(batch);
    const found = batch.flatMap((id) => records.get(id) ?? []);
    batch = [];
    return found;
  };
  for await (const id of readListedJobs(clients.dynamodb, facts.table, partitions.flat(), reading)) {
    // A job whose state changes during the read is in two partitions.
    if (seen.has(id)) continue;
    seen.add(id);
    if (batch.push(id) < size) continue;
    yield* await recordsOfBatch();
    size = Math.min(LARGEST_READ, Math.max(SMALLEST_READ, most - seen.size));
  }
  if (batch.length > 0) yield* await recordsOfBatch();
}

async function partitionsIn(
  context: FleetContext,
  { state, sinceMs, beforeMs, grouped }: Range,
  { instance }: EntryFilter,
): Promise<Partition[]> {
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  const names = state === 'running' ? await runningPartitions(context, instance) : statePartitions(state);
  return names.map((listed) => ({ listed, since: time(sinceMs), before: time(beforeMs), grouped }));
}

async function runningPartitions({ clients, facts }: FleetContext, instance?: string): Promise<string[]> {
  if (instance !== undefined) return [runningPartition(instance)];
  const keys = await readLiveInstanceKeys(clients.dynamodb, facts.table);
  return keys.map((key) => runningPartition(instanceIdIn(key)));
}

/** All jobs that ended before a time: by the index if it contains all jobs, else by a scan of the table. */
export async function* readJobsEndedBefore(
  context: FleetContext,
  beforeMs: number,
): AsyncGenerator<JobRecord> {
  try {
    if (await isIndexed(context)) {
      // A job that ended before the time was enqueued before it.
      const ranges = [...TERMINAL_STATES].map((state): Range => ({ state, beforeMs }));
      for await (const record of readIndexedJobs(context, ranges, {}, Number.POSITIVE_INFINITY)) {
        if (record.endedAt !== undefined && Date.parse(record.endedAt) < beforeMs) yield record;
      }
      return;
    }
  } catch (error) {
    if (!(error instanceof IndexNotReadyError)) throw error;
  }
  yield* createJobIndex(context).scan({ endedBeforeMs: beforeMs });
}
