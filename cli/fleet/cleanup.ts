import { LONGEST_RETENTION_SECONDS } from '../../jobs/expiry.ts';
import { type JobRecord, TERMINAL_STATES } from '../../jobs/record.ts';
import { cancelJobs } from './cancel.ts';
import { type FleetContext, needRecords } from './context.ts';
import { each } from './each.ts';
import { removeObjects } from './objects.ts';
import { catalogueOf, records } from './status.ts';
import { stateOf } from './view.ts';

export interface CleanupOptions {
  /** Cancel jobs that have not ended, and wait for their end. Default false: they are left alone. */
  force?: boolean;
  /** How long to wait for that at most. Default: until they have ended. */
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

export interface CleanedUp {
  id: string;
  /** `live`: it has not ended, and nothing of it was removed. */
  outcome: 'removed' | 'live' | 'unknown';
  /** Objects of its log, and its body, that were deleted. */
  objects: number;
}

export interface EndedOptions {
  /** Jobs that ended earlier. */
  before: Date;
  signal?: AbortSignal;
  /** Told of each as it is removed. */
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
  { force = false, ...waiting }: CleanupOptions,
): Promise<CleanedUp[]> {
  needRecords(context.facts, 'clean up');
  let found = await records(context, ids);
  const live = [...found.values()].filter((record) => !hasEnded(context, record)).map(({ id }) => id);
  if (force && live.length > 0) {
    await cancelJobs(context, live, { ...waiting, wait: true });
    found = await records(context, ids);
  }
  return each([...new Set(ids)], async (id): Promise<CleanedUp> => {
    const record = found.get(id);
    if (!record) return { id, outcome: 'unknown', objects: 0 };
    if (!hasEnded(context, record)) return { id, outcome: 'live', objects: 0 };
    return remove(context, record);
  });
}

/** The same for all jobs that ended before a moment. Reads the whole table. */
export async function cleanUpEnded(
  context: FleetContext,
  { before, signal, onRemoved }: EndedOptions,
): Promise<{ jobs: number; objects: number }> {
  needRecords(context.facts, 'clean up');
  const total = { jobs: 0, objects: 0 };
  const removeAll = async (chunk: readonly JobRecord[]) => {
    for (const removed of await each(chunk, (record) => remove(context, record))) {
      total.jobs += 1;
      total.objects += removed.objects;
      onRemoved?.(removed);
    }
  };
  let chunk: JobRecord[] = [];
  for await (const record of catalogueOf(context).scan({ endedBeforeMs: before.getTime() })) {
    signal?.throwIfAborted();
    if (chunk.push(record) < CHUNK) continue;
    await removeAll(chunk);
    chunk = [];
  }
  await removeAll(chunk);
  return total;
}

/** The record goes last: what breaks off before can be done again. */
async function remove(context: FleetContext, record: JobRecord): Promise<CleanedUp> {
  const { id } = record;
  const objects = await removeObjects(context, record);
  const catalogue = catalogueOf(context);
  const nowMs = context.clock.now();
  const untilMs = messageUntilMs(record, nowMs);
  if (untilMs > nowMs && TERMINAL_STATES.has(record.state)) {
    await catalogue.bury(record, nowMs, Math.ceil(untilMs / 1000));
  } else {
    await catalogue.remove(id, { onlyEnded: false });
  }
  return { id, outcome: 'removed', objects };
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
