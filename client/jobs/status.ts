import type { JobRecord } from '../../jobs/record.ts';
import type { FleetContext } from '../context.ts';
import { readRecords } from '../job-records.ts';
import { createJobView, type JobView, unknownView } from './view.ts';

/** Options of `status`. */
export interface StatusOptions {
  /**
   * Whether to say what queued and held jobs wait for. For queued jobs it takes a dozen more calls, which read the fleet's
   * state, for held ones a few, which read their groups and requests. Default false.
   */
  waitsFor?: boolean;
  /**
   * Whether to say which roll-back and which health check followed a job of a request that has ended. It takes one more call for
   * each 50 such jobs. Default false.
   */
  stages?: boolean;
  /** Whether to fetch bodies from the log bucket, with one call each and at most 64 MiB together. Default false. */
  body?: boolean;
}

/** The jobs in the order of the ids. An unknown job has the state `unknown`. */
export async function readJobViews(context: FleetContext, ids: readonly string[]): Promise<JobView[]> {
  return createJobViews(context, ids, await readRecords(context, ids));
}

/** Views of the jobs in the order of the ids, from their records. */
export function createJobViews(
  context: FleetContext,
  ids: readonly string[],
  found: ReadonlyMap<string, JobRecord>,
): JobView[] {
  const nowMs = context.clock.now();
  return ids.map((id) => {
    const record = found.get(id);
    return record ? createJobView(record, context.facts, nowMs) : unknownView(id);
  });
}
