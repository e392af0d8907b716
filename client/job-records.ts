import type { JobRecord } from '../jobs/record.ts';
import { JobCatalogue } from '../store/catalogue.ts';
import { type FleetContext, needRecords } from './context.ts';
import { UnknownJob } from './errors.ts';

/** The job records in the fleet's table. */
export function catalogueOf(context: FleetContext): JobCatalogue {
  const { clients, facts } = context;
  return new JobCatalogue(clients.dynamodb, facts.table, context);
}

/**
 * Reads the records of jobs, a hundred with each request. The map has no entry for an unknown id.
 *
 * Rejects with `NotTrackedError`.
 */
export async function records(
  context: FleetContext,
  ids: readonly string[],
): Promise<Map<string, JobRecord>> {
  needRecords(context.facts, 'ask');
  return catalogueOf(context).getMany(ids);
}

/** Reads one job's record. Rejects with `UnknownJobError` or `NotTrackedError`. */
export async function recordOfJob(context: FleetContext, id: string): Promise<JobRecord> {
  const record = (await records(context, [id])).get(id);
  if (record) return record;
  throw new UnknownJob(id, context.facts.fleet);
}
