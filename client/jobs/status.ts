import type { JobRecord } from '../../jobs/record.ts';
import type { FleetContext } from '../context.ts';
import { records } from '../job-records.ts';
import { type JobView, unknownView, viewOf } from './view.ts';

export interface StatusOptions {
  /** Of jobs that are queued, also what they wait for: a dozen calls more, which look at the fleet. Default false. */
  waitsFor?: boolean;
  /** Also those bodies that are in the log bucket: a call for each. 64 MiB of all jobs together. Default false. */
  body?: boolean;
}

/** The jobs as they are now, in the order of the ids. One that is unknown is among them, in the state `unknown`. */
export async function statusOf(context: FleetContext, ids: readonly string[]): Promise<JobView[]> {
  return viewsOf(context, ids, await records(context, ids));
}

/** The jobs of these records, in the order of the ids. */
export function viewsOf(
  context: FleetContext,
  ids: readonly string[],
  found: ReadonlyMap<string, JobRecord>,
): JobView[] {
  const nowMs = context.clock.now();
  return ids.map((id) => {
    const record = found.get(id);
    return record ? viewOf(record, context.facts, nowMs) : unknownView(id);
  });
}
