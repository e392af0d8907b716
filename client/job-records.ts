import type { JobRecord } from '../jobs/record.ts';
import { JobIndex } from '../store/job-index.ts';
import { type FleetContext, requireRecords } from './context.ts';
import { UnknownJobError } from './errors.ts';

/** The job records in the fleet's table. */
export function createJobIndex(context: FleetContext): JobIndex {
  const { clients, facts } = context;
  return new JobIndex(clients.dynamodb, facts.table, context);
}

/**
 * Reads the records of jobs, a hundred with each request. The map has no entry for an unknown id.
 *
 * Rejects with `NotTrackedError`.
 */
export async function readRecords(
  context: FleetContext,
  ids: readonly string[],
): Promise<Map<string, JobRecord>> {
  requireRecords(context.facts, 'ask');
  return createJobIndex(context).getMany(ids);
}

/** Reads one job's record. Rejects with `UnknownJobError` or `NotTrackedError`. */
export async function readRecord(context: FleetContext, id: string): Promise<JobRecord> {
  const record = (await readRecords(context, [id])).get(id);
  if (record) return record;
  throw new UnknownJobError(id, context.facts.fleet);
}
