import { type JobRecord, TERMINAL_STATES } from '../../jobs/record.ts';
import { SQS_MAX_RETENTION_SECONDS } from '../../lib/limits.ts';
import type { OutJob } from '../../policy/groups/state.ts';
import { type FleetContext, requireRecords } from '../context.ts';
import { FleetError, StoreGoneError } from '../errors.ts';
import { explainError } from '../explain.ts';
import { createGroups } from '../groups/create.ts';
import { createJobIndex, readRecords } from '../job-records.ts';
import { shownState } from '../job-state.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import { cancelJobs } from './cancel.ts';
import { readJobsEndedBefore } from './indexed-jobs.ts';
import { removeObjects } from './remove-objects.ts';

/** Options of `cleanup`. */
export interface CleanupOptions {
  /**
   * Cancel jobs that have not ended and wait for their end. Default false: such jobs are not removed. A job that has ended is not
   * removed while its roll-back or health check runs, also with this option.
   */
  force?: boolean;
  /** Only report what would become of each job. Default false. */
  dryRun?: boolean;
  /** With `force`, the longest wait for the end of the jobs, in seconds. Default: no time-out. */
  timeoutSeconds?: number;
  /** Aborts the wait. The call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What became of one job of `cleanup`. */
export interface CleanedUp {
  id: string;
  /**
   * `removed`: removed, or with `dryRun` would be. `live`: it has not ended, or it still has its lane in its group, and nothing
   * was removed. `kept`: not all
   * of its objects could be deleted from the log bucket, so its record stays and the call can be repeated. `unknown`:
   * the fleet has no record of it.
   */
  outcome: 'removed' | 'live' | 'kept' | 'unknown';
  /** Number of deleted objects: of its log, and its body. 0 with `dryRun`. */
  objects: number;
  /** The log bucket does not exist any more. */
  bucketGone?: true;
  /** The sentence that says why it is kept, or why a job that has ended is live. */
  why?: string;
}

/** Result of `cleanupEnded`. */
export interface CleanedUpEnded {
  /** Number of jobs that were removed, or with `dryRun` would be. */
  jobs: number;
  /** Number of deleted objects: logs and bodies. 0 with `dryRun`. */
  objects: number;
  /** The log bucket does not exist any more. */
  bucketGone?: true;
}

/** Options of `cleanupEnded`. */
export interface CleanupEndedOptions {
  /** Jobs that ended before this time are removed. */
  before: Date;
  /** Only report the jobs. Default false. */
  dryRun?: boolean;
  /** Aborts the call between two jobs. It then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called with each job when it is removed, or with `dryRun` when it is found. */
  onRemoved?: (job: CleanedUp) => void;
}

/** Jobs that are removed together. */
const CHUNK = 100;
/** Most time between the writing of a record and the sending of its message. */
const SENDING_SECONDS = 3600;

/**
 * Deletes the records, logs and bodies of jobs that have ended. With `force` it cancels the others first and waits for
 * their end, so that no worker writes to the log bucket afterwards.
 */
export async function cleanUpJobs(
  context: FleetContext,
  ids: readonly string[],
  { force = false, dryRun = false, ...waiting }: CleanupOptions,
): Promise<CleanedUp[]> {
  requireRecords(context.facts, 'clean up');
  let found = await readRecords(context, ids);
  const live = [...found.values()].filter((record) => !hasEnded(context, record)).map(({ id }) => id);
  if (force && live.length > 0 && !dryRun) {
    await cancelJobs(context, live, { ...waiting, wait: true });
    found = await readRecords(context, ids);
  }
  const lanes = await readLanes(context, [...found.values()]);
  return mapInParallel([...new Set(ids)], async (id): Promise<CleanedUp> => {
    const record = found.get(id);
    if (!record) return { id, outcome: 'unknown', objects: 0 };
    const lane = lanes.get(id);
    if (hasEnded(context, record) && lane)
      return { id, outcome: 'live', objects: 0, why: laneText(record, lane) };
    if (!hasEnded(context, record) && !(force && dryRun)) return { id, outcome: 'live', objects: 0 };
    return dryRun ? removable(record) : remove(context, record);
  });
}

/**
 * The same for all jobs that ended before a time. Jobs that still have their lanes stay. Rejects at the first other job that cannot
 * be removed.
 */
export async function cleanUpEndedJobs(
  context: FleetContext,
  { before, dryRun = false, signal, onRemoved }: CleanupEndedOptions,
): Promise<CleanedUpEnded> {
  requireRecords(context.facts, 'clean up');
  const total: CleanedUpEnded = { jobs: 0, objects: 0 };
  const removeAll = async (ended: readonly JobRecord[]) => {
    const lanes = await readLanes(context, ended);
    const chunk = ended.filter(({ id }) => !lanes.has(id));
    const cleaned = dryRun
      ? chunk.map(removable)
      : await mapInParallel(chunk, (record) => remove(context, record));
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
  for await (const record of readJobsEndedBefore(context, before.getTime())) {
    signal?.throwIfAborted();
    if (chunk.push(record) < CHUNK) continue;
    await removeAll(chunk);
    chunk = [];
  }
  await removeAll(chunk);
  return total;
}

/** The jobs whose lanes are not over, and those lanes. Their records are needed until then. */
async function readLanes(context: FleetContext, records: readonly JobRecord[]): Promise<Map<string, OutJob>> {
  // Only a job that was released can have a lane.
  const grouped = records.filter(({ lastRelease }) => lastRelease !== undefined);
  if (grouped.length === 0) return new Map();
  const names = new Set(grouped.flatMap(({ group }) => group ?? []));
  const groups = await createGroups(context).items.readMany(names);
  const out = new Map(groups.flatMap((group) => Object.entries(group.out)));
  return new Map(
    grouped.flatMap(({ id, stageOf }) => {
      const lane = out.get(stageOf ?? id);
      return lane ? [[id, lane] as const] : [];
    }),
  );
}

function laneText({ id, group, stageOf = id }: JobRecord, { stage }: OutJob): string {
  const lane = `the lane of job ${stageOf} in group ${group}`;
  switch (stage) {
    case 'rollBack':
      return `Job ${id} has ended, but its roll-back has not, so ${lane} is still taken. Wait for its end.`;
    case 'check':
      return `Job ${id} has ended, but the health check of its target has not, so ${lane} is still taken. Wait for its end.`;
    case 'unhealthy':
      return `Job ${id} has ended, but its target is not healthy, so ${lane} is still taken. \`mayfly group free ${stageOf}\` frees it.`;
    case 'job':
      return `Job ${id} has ended, but ${lane} is not free yet. Try again in a minute.`;
  }
}

const removable = ({ id }: JobRecord): CleanedUp => ({ id, outcome: 'removed', objects: 0 });

function notAllRemoved({ id, why }: CleanedUp, { jobs }: CleanedUpEnded): FleetError {
  const removed = jobs === 1 ? '1 job was' : `${jobs} jobs were`;
  return new FleetError(`${why} ${removed} removed. ${id} keeps its record, and so do the jobs after it.`);
}

/** Removes the record last, so that a removal that failed can be repeated. */
async function remove(context: FleetContext, record: JobRecord): Promise<CleanedUp> {
  const { id } = record;
  const emptied = await emptyBucket(context, record);
  if (emptied.why !== undefined) return { id, outcome: 'kept', ...emptied };
  await forget(context, record);
  return { id, outcome: 'removed', ...emptied };
}

/**
 * Deletes the objects of a job. A missing bucket counts as empty only if the stack named it: another name may be
 * misspelt.
 */
async function emptyBucket(
  context: FleetContext,
  record: JobRecord,
): Promise<Pick<CleanedUp, 'objects' | 'bucketGone' | 'why'>> {
  try {
    return { objects: await removeObjects(context, record) };
  } catch (error) {
    const refusal = explainError(context.facts, error);
    if (refusal instanceof StoreGoneError && context.isFromStack) return { objects: 0, bucketGone: true };
    if (refusal instanceof FleetError) return { objects: 0, why: refusal.message };
    throw refusal;
  }
}

async function forget(context: FleetContext, record: JobRecord): Promise<void> {
  const catalogue = createJobIndex(context);
  const nowMs = context.clock.now();
  const untilMs = messageUntilMs(record, nowMs);
  if (untilMs > nowMs && TERMINAL_STATES.has(record.state)) {
    await catalogue.markRemoved(record, nowMs, Math.ceil(untilMs / 1000));
  } else {
    await catalogue.remove(record.id, { onlyEnded: false });
  }
}

/**
 * Until when a message of the job can be received: a job can be cancelled before an agent received its message, and an
 * agent can fail between the job's end and the deletion of its message. Without a record the job would run again.
 */
function messageUntilMs({ enqueuedAt, sentAt, releasedAt }: JobRecord, nowMs: number): number {
  // A job with a group may have been held long before its message was sent.
  const latest = sentAt ?? releasedAt ?? enqueuedAt;
  const fromMs = latest === undefined ? nowMs : Date.parse(latest);
  return fromMs + (SQS_MAX_RETENTION_SECONDS + SENDING_SECONDS) * 1000;
}

function hasEnded({ facts, clock }: FleetContext, record: JobRecord): boolean {
  return TERMINAL_STATES.has(shownState(record, facts, clock.now()));
}
