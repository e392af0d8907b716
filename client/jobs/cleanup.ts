import { LONGEST_RETENTION_SECONDS } from '../../store/expiry.ts';
import { type JobRecord, TERMINAL_STATES } from '../../jobs/record.ts';
import { cancelJobs } from './cancel.ts';
import { type FleetContext, needRecords } from '../context.ts';
import { each } from '../each.ts';
import { FleetError, StoreGone } from '../errors.ts';
import { explain } from '../explain.ts';
import { removeObjects } from './objects.ts';
import { catalogueOf, records } from '../job-records.ts';
import { stateOf } from '../job-state.ts';
import { jobsEndedBefore } from './indexed-jobs.ts';

export interface CleanupOptions {
  /** Cancel jobs that have not ended, and wait for their end. Default false: they are left alone. */
  force?: boolean;
  /** Only tell what would become of each: nothing is cancelled or removed. Default false. */
  dryRun?: boolean;
  /** How long to wait for that at most. Default: until they have ended. */
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

export interface CleanedUp {
  id: string;
  /**
   * `removed`: with `dryRun` it would be, and its objects are not counted. `live`: it has not ended, and nothing of it was
   * removed. `kept`: the log bucket did not let go of all that it has of it, and its record stays, so that this can be done
   * again.
   */
  outcome: 'removed' | 'live' | 'kept' | 'unknown';
  /** Objects of its log, and its body, that were deleted. */
  objects: number;
  /** The log bucket is gone, and with it what it had of the job. */
  bucketGone?: true;
  /** Why it is kept, in a sentence. */
  why?: string;
}

export interface CleanedUpEnded {
  jobs: number;
  objects: number;
  /** The log bucket is gone, and with it what it had of them. */
  bucketGone?: true;
}

export interface EndedOptions {
  /** Jobs that ended earlier. */
  before: Date;
  /** Only count them, and tell which they are: nothing is removed. Default false. */
  dryRun?: boolean;
  signal?: AbortSignal;
  /** Told of each as it is removed, or with `dryRun` as it is found. */
  onRemoved?: (job: CleanedUp) => void;
}

/** Jobs whose removal is begun together. */
const CHUNK = 100;
/** A message is sent a little after its record is written. */
const SENDING_SECONDS = 3600;

/**
 * Forgets jobs that have ended: record, log and body. One that has not is left alone, or with `force` cancelled and
 * waited for, so that no worker and no file of it is left behind.
 */
export async function cleanUp(
  context: FleetContext,
  ids: readonly string[],
  { force = false, dryRun = false, ...waiting }: CleanupOptions,
): Promise<CleanedUp[]> {
  needRecords(context.facts, 'clean up');
  let found = await records(context, ids);
  const live = [...found.values()].filter((record) => !hasEnded(context, record)).map(({ id }) => id);
  if (force && live.length > 0 && !dryRun) {
    await cancelJobs(context, live, { ...waiting, wait: true });
    found = await records(context, ids);
  }
  return each([...new Set(ids)], async (id): Promise<CleanedUp> => {
    const record = found.get(id);
    if (!record) return { id, outcome: 'unknown', objects: 0 };
    if (!hasEnded(context, record) && !(force && dryRun)) return { id, outcome: 'live', objects: 0 };
    return dryRun ? removable(record) : remove(context, record);
  });
}

/** The same for all jobs that ended before a moment. Rejects at the first that has to be kept. */
export async function cleanUpEnded(
  context: FleetContext,
  { before, dryRun = false, signal, onRemoved }: EndedOptions,
): Promise<CleanedUpEnded> {
  needRecords(context.facts, 'clean up');
  const total: CleanedUpEnded = { jobs: 0, objects: 0 };
  const removeAll = async (chunk: readonly JobRecord[]) => {
    const cleaned = dryRun ? chunk.map(removable) : await each(chunk, (record) => remove(context, record));
    for (const removed of cleaned.filter(({ outcome }) => outcome === 'removed')) {
      total.jobs += 1;
      total.objects += removed.objects;
      if (removed.bucketGone) total.bucketGone = true;
      onRemoved?.(removed);
    }
    const kept = cleaned.find(({ outcome }) => outcome === 'kept');
    if (kept) throw notAllRemoved(kept, total);
  };
  let chunk: JobRecord[] = [];
  for await (const record of jobsEndedBefore(context, before.getTime())) {
    signal?.throwIfAborted();
    if (chunk.push(record) < CHUNK) continue;
    await removeAll(chunk);
    chunk = [];
  }
  await removeAll(chunk);
  return total;
}

const removable = ({ id }: JobRecord): CleanedUp => ({ id, outcome: 'removed', objects: 0 });

function notAllRemoved({ id, why }: CleanedUp, { jobs }: CleanedUpEnded): FleetError {
  const removed = jobs === 1 ? '1 job was' : `${jobs} jobs were`;
  return new FleetError(`${why} ${removed} removed; ${id} keeps its record, as do others that are left.`);
}

/** The record goes last: what breaks off before can be done again. */
async function remove(context: FleetContext, record: JobRecord): Promise<CleanedUp> {
  const { id } = record;
  const emptied = await emptyBucket(context, record);
  if (emptied.why !== undefined) return { id, outcome: 'kept', ...emptied };
  await forget(context, record);
  return { id, outcome: 'removed', ...emptied };
}

/** Deletes what the log bucket has of a job, if there still is a bucket. One that was named wrongly would keep all. */
async function emptyBucket(
  context: FleetContext,
  record: JobRecord,
): Promise<Pick<CleanedUp, 'objects' | 'bucketGone' | 'why'>> {
  try {
    return { objects: await removeObjects(context, record) };
  } catch (error) {
    const refusal = explain(context.facts, error);
    if (refusal instanceof StoreGone && context.toldByStack) return { objects: 0, bucketGone: true };
    if (refusal instanceof FleetError) return { objects: 0, why: refusal.message };
    throw refusal;
  }
}

async function forget(context: FleetContext, record: JobRecord): Promise<void> {
  const catalogue = catalogueOf(context);
  const nowMs = context.clock.now();
  const untilMs = messageUntilMs(record, nowMs);
  if (untilMs > nowMs && TERMINAL_STATES.has(record.state)) {
    await catalogue.bury(record, nowMs, Math.ceil(untilMs / 1000));
  } else {
    await catalogue.remove(record.id, { onlyEnded: false });
  }
}

/**
 * Until when a message of the job may come up: a job can be cancelled before anybody has seen it, and an agent can die
 * between a job's end and the end of its message. Without its record it would run again.
 */
function messageUntilMs({ enqueuedAt }: JobRecord, nowMs: number): number {
  const fromMs = enqueuedAt === undefined ? nowMs : Date.parse(enqueuedAt);
  return fromMs + (LONGEST_RETENTION_SECONDS + SENDING_SECONDS) * 1000;
}

function hasEnded({ facts, clock }: FleetContext, record: JobRecord): boolean {
  return TERMINAL_STATES.has(stateOf(record, facts, clock.now()));
}
