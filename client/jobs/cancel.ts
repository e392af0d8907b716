import type { JobRecord } from '../../jobs/record.ts';
import { expiryOfCancelled } from '../../store/expiry.ts';
import { awsTime, type FleetContext, requireRecords } from '../context.ts';
import { createGroups } from '../groups/create.ts';
import { createJobIndex } from '../job-records.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import { createJobView, type JobView, unknownView } from './view.ts';
import { waitFor } from './wait.ts';

/** Options of `cancel`. */
export interface CancelOptions {
  /** Whether to wait until the jobs have ended. Default false. */
  wait?: boolean;
  /** Longest wait, in seconds. Default: no time-out. */
  timeoutSeconds?: number;
  /** Aborts the wait. The call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What became of one job of `cancel`. */
export interface Cancelled {
  id: string;
  /**
   * `cancelled`: it never starts, or its worker was stopped. `requested`: it runs, and its worker is stopped within
   * seconds. `ended`: it had ended before, or ended by itself. `unknown`: the fleet has no record of it.
   */
  outcome: 'cancelled' | 'requested' | 'ended' | 'unknown';
  /** The job after the call. */
  job: JobView;
}

/** Cancels jobs. A queued job never starts; the worker of a running job is stopped. Can be repeated. */
export async function cancelJobs(
  context: FleetContext,
  ids: readonly string[],
  { wait = false, ...options }: CancelOptions,
): Promise<Cancelled[]> {
  requireRecords(context.facts, 'cancel');
  const cancelled = await mapInParallel(ids, (id) => cancelOne(context, id));
  if (!wait) return cancelled;
  const running = cancelled.filter(({ outcome }) => outcome === 'requested').map(({ id }) => id);
  const ended = await waitFor(context, running, { ...options, pollSeconds: 1 });
  const byId = new Map(ended.map((job) => [job.id, job]));
  return cancelled.map((one) => afterwards(one, byId.get(one.id)));
}

async function cancelOne(context: FleetContext, id: string): Promise<Cancelled> {
  const { facts } = context;
  const nowMs = await awsTime(context);
  const { kind, record } = await createJobIndex(context).cancel(
    id,
    nowMs,
    expiryOfCancelled(nowMs, facts.recordSeconds),
  );
  if (record) await freeLane(context, record);
  return { id, outcome: kind, job: record ? createJobView(record, facts, nowMs) : unknownView(id) };
}

/**
 * Goes on with the lane of a job that was cancelled after its release: no agent reports its end. An earlier call may have been cut
 * off before this.
 */
async function freeLane(context: FleetContext, record: JobRecord): Promise<void> {
  const { state, group, release } = record;
  if (state !== 'cancelled' || group === undefined || release === undefined) return;
  await createGroups(context).endJob(group, record);
}

function afterwards(one: Cancelled, job: JobView | undefined): Cancelled {
  if (!job) return one;
  if (!job.finished) return { ...one, job };
  return { id: one.id, outcome: job.state === 'cancelled' ? 'cancelled' : 'ended', job };
}
