import { findLabel, type JobRecord, type JobState, TERMINAL_STATES } from '../../jobs/record.ts';
import { IndexNotReadyError } from '../../store/index-pages.ts';
import type { EntryFilter } from '../../store/listed-jobs.ts';
import { awsTime, type FleetContext, requireRecords } from '../context.ts';
import { WrongOptionError } from '../errors.ts';
import { createJobIndex } from '../job-records.ts';
import { shownState } from '../job-state.ts';
import { withHeld } from './held.ts';
import { isIndexed, type Range, readIndexedJobs } from './indexed-jobs.ts';
import { createJobView, type JobView } from './view.ts';

/** Options of `list`. A job is listed if it matches all of them. */
export interface ListOptions {
  /** Jobs in one of these states. Default: all states. */
  states?: readonly JobState[];
  /** Jobs with this label. Default: all. */
  label?: string;
  /** Jobs of this group. Default: all. */
  group?: string;
  /** Jobs with this request id. Default: all. */
  requestId?: string;
  /** Jobs whose last try runs or ran on this instance. Default: all. */
  instance?: string;
  /** Jobs that were enqueued at this time or later. Default: all. */
  since?: Date;
  /** Most jobs in the result. Default 50. */
  limit?: number;
  /** Called with a sentence that says why more is read than is shown. */
  onNotice?: (sentence: string) => void;
}

const DEFAULT_LIMIT = 50;
const LIVE: readonly JobState[] = ['held', 'queued', 'running'];
const ALL: readonly JobState[] = [...LIVE, ...TERMINAL_STATES];

/**
 * Lists jobs, the newest first. Uses the index if it contains all jobs: then the cost depends on the number of jobs
 * that are listed, not on the size of the table. Otherwise it scans the table.
 */
export async function listJobs(context: FleetContext, options: ListOptions): Promise<JobView[]> {
  requireRecords(context.facts, 'list');
  const { states, limit = DEFAULT_LIMIT } = options;
  if (!(limit >= 1)) throw new WrongOptionError(`The limit is ${limit}; it must be 1 or more.`);
  const unknown = states?.find((state) => !ALL.includes(state));
  if (unknown !== undefined) {
    throw new WrongOptionError(`There is no state ${unknown}; the states are ${ALL.join(', ')}.`);
  }
  const nowMs = await awsTime(context);
  const newest = new Newest(limit);
  const add = (record: JobRecord) => {
    if (isWanted(record, options, shownState(record, context.facts, nowMs))) newest.add(record);
  };
  if (!(await addByIndex(context, options, nowMs, newest, add))) {
    for await (const record of scanned(context, options)) add(record);
  }
  return withHeld(
    context,
    newest.records().map((record) => createJobView(record, context.facts, nowMs)),
  );
}

/** False: the index does not contain all jobs, or cannot be read. */
async function addByIndex(
  context: FleetContext,
  { states = ALL, since, limit = DEFAULT_LIMIT, onNotice, ...rest }: ListOptions,
  nowMs: number,
  newest: Newest,
  add: (record: JobRecord) => void,
): Promise<boolean> {
  const { label, group, requestId, instance } = rest;
  const filter = { label, group, requestId, instance };
  const ranges = rangesOf(states, since?.getTime(), nowMs - context.facts.retentionSeconds * 1000);
  const onMore = () => onNotice?.(unanswered(filter, limit));
  try {
    if (!(await isIndexed(context))) return false;
    for await (const record of readIndexedJobs(context, ranges, filter, limit, onMore)) {
      add(record);
      if (newest.size === limit) break;
    }
    return true;
  } catch (error) {
    if (error instanceof IndexNotReadyError) return false;
    throw error;
  }
}

/** @param forgottenMs a job that is queued since before this time is shown as lost: see `shownState` */
function rangesOf(states: readonly JobState[], sinceMs: number | undefined, forgottenMs: number): Range[] {
  const ranges = [...new Set(states)].map((state): Range => ({ state, sinceMs }));
  const [isQueued, isLost] = [states.includes('queued'), states.includes('lost')];
  if (isLost && !isQueued) {
    // DynamoDB refuses a range that ends before it begins.
    const isEmpty = sinceMs !== undefined && sinceMs >= forgottenMs;
    return isEmpty ? ranges : [...ranges, { state: 'queued', sinceMs, beforeMs: forgottenMs }];
  }
  if (isLost || !isQueued) return ranges;
  const stillMs = Math.max(sinceMs ?? 0, forgottenMs);
  const recent = ranges.map((range) => (range.state === 'queued' ? { ...range, sinceMs: stillMs } : range));
  if (sinceMs !== undefined && sinceMs >= forgottenMs) return recent;
  // A job that its group has held for long has a message that is younger than the job.
  return [...recent, { state: 'queued', sinceMs, beforeMs: forgottenMs, grouped: true }];
}

function unanswered({ label, group, requestId, instance }: EntryFilter, limit: number): string {
  const named = { label, group, request: requestId, instance };
  const names = Object.entries(named).flatMap(([name, value]) =>
    value === undefined ? [] : [`the ${name}`],
  );
  return (
    `No index finds jobs by ${names.join(' and ')}, so other jobs are read too, until ${limit} are found. ` +
    'Give the state, or the time since when, to read fewer.'
  );
}

async function* scanned(context: FleetContext, options: ListOptions): AsyncGenerator<JobRecord> {
  const { states, label, group, requestId, instance, since, onNotice } = options;
  const stored = states && [...new Set(states.flatMap((state) => STORED_STATES[state] ?? [state]))];
  const filter = { states: stored, label, group, requestId, instance, sinceMs: since?.getTime() };
  yield* createJobIndex(context).scan(filter, () => onNotice?.(WHOLE_TABLE));
}

/** The states that jobs may have in the table which are shown in another one: see `shownState`. */
const STORED_STATES: Partial<Record<JobState, readonly JobState[]>> = {
  queued: ['queued', 'held'],
  lost: ['lost', 'queued', 'held'],
};

const WHOLE_TABLE =
  'The whole table is read: it may contain jobs that an earlier version of Mayfly has written, which the index does not ' +
  'contain.';

/** Checked again, because the index is updated after the record. */
function isWanted(record: JobRecord, options: ListOptions, state: JobState): boolean {
  const { states, label, group, requestId, instance, since } = options;
  return (
    (states === undefined || states.includes(state)) &&
    (label === undefined || findLabel(record) === label) &&
    (group === undefined || record.group === group) &&
    (requestId === undefined || record.requestId === requestId) &&
    (instance === undefined || record.instance === instance) &&
    (since === undefined || Date.parse(record.enqueuedAt ?? '') >= since.getTime())
  );
}

/** Keeps the newest of many records, and drops the others early. */
class Newest {
  readonly #limit: number;
  #records: JobRecord[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of records that were added and not dropped. */
  get size(): number {
    return this.#records.length;
  }

  add(record: JobRecord): void {
    this.#records.push(record);
    // Not sorted for each record, which would cost more.
    if (this.#records.length >= 2 * this.#limit + 100) this.#records = this.records();
  }

  records(): JobRecord[] {
    return this.#records.toSorted(byNewest).slice(0, this.#limit);
  }
}

/** By enqueue time. Jobs of the same time are ordered by their ids, which contain the numbers of a run. */
function byNewest(one: JobRecord, other: JobRecord): number {
  const [a, b] = [one.enqueuedAt ?? one.startedAt ?? '', other.enqueuedAt ?? other.startedAt ?? ''];
  if (a !== b) return a < b ? 1 : -1;
  return other.id.localeCompare(one.id, 'en', { numeric: true });
}
