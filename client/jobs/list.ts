import { IndexNotReady } from '../../store/index-pages.ts';
import type { EntryFilter } from '../../store/listed-jobs.ts';
import { type JobRecord, type JobState, labelOf, TERMINAL_STATES } from '../../jobs/record.ts';
import { awsTime, type FleetContext, needRecords } from '../context.ts';
import { WrongOption } from '../errors.ts';
import { indexedJobs, isIndexed, type Range } from './indexed-jobs.ts';
import { catalogueOf } from '../job-records.ts';
import { stateOf } from '../job-state.ts';
import { type JobView, viewOf } from './view.ts';

export interface ListOptions {
  states?: readonly JobState[];
  label?: string;
  requestId?: string;
  /** Jobs whose last try ran there, or runs. */
  instance?: string;
  /** Enqueued since then. */
  since?: Date;
  /** How many at most. Default 50. */
  limit?: number;
  /** Told in a sentence, while it reads, why it reads more than it shows. */
  onNotice?: (sentence: string) => void;
}

const DEFAULT_LIMIT = 50;
const LIVE: readonly JobState[] = ['held', 'queued', 'running'];
const ALL: readonly JobState[] = [...LIVE, ...TERMINAL_STATES];

/**
 * The newest jobs, newest first. By the index where that has all of them: its reads grow with the jobs that are shown, not with
 * the table. Else by a scan of the table.
 */
export async function listJobs(context: FleetContext, options: ListOptions): Promise<JobView[]> {
  needRecords(context.facts, 'list');
  const { states, limit = DEFAULT_LIMIT } = options;
  if (!(limit >= 1)) throw new WrongOption(`The limit is ${limit}; it is 1 or more.`);
  const unknown = states?.find((state) => !ALL.includes(state));
  if (unknown !== undefined) {
    throw new WrongOption(`There is no state ${unknown}; a job is one of ${ALL.join(', ')}.`);
  }
  const nowMs = await awsTime(context);
  const newest = new Newest(limit);
  const add = (record: JobRecord) => {
    if (isWanted(record, options, stateOf(record, context.facts, nowMs))) newest.add(record);
  };
  if (!(await addByIndex(context, options, nowMs, newest, add))) {
    for await (const record of scanned(context, options)) add(record);
  }
  return newest.records().map((record) => viewOf(record, context.facts, nowMs));
}

/** False: the index does not have all jobs, or cannot be read. */
async function addByIndex(
  context: FleetContext,
  { states = ALL, since, limit = DEFAULT_LIMIT, onNotice, ...rest }: ListOptions,
  nowMs: number,
  newest: Newest,
  add: (record: JobRecord) => void,
): Promise<boolean> {
  const { label, requestId, instance } = rest;
  const ranges = rangesOf(states, since?.getTime(), nowMs - context.facts.retentionSeconds * 1000);
  const onMore = () => onNotice?.(unanswered({ label, requestId, instance }, limit));
  try {
    if (!(await isIndexed(context))) return false;
    for await (const record of indexedJobs(context, ranges, { label, requestId, instance }, limit, onMore)) {
      add(record);
      if (newest.size === limit) break;
    }
    return true;
  } catch (error) {
    if (error instanceof IndexNotReady) return false;
    throw error;
  }
}

/** @param forgottenMs what is queued since before then is shown as lost: see `stateOf` */
function rangesOf(states: readonly JobState[], sinceMs: number | undefined, forgottenMs: number): Range[] {
  const ranges = [...new Set(states)].map((state): Range => ({ state, sinceMs }));
  const [isQueued, isLost] = [states.includes('queued'), states.includes('lost')];
  if (isLost && !isQueued) {
    // DynamoDB refuses a range that ends before it begins, in which nothing could be.
    const isEmpty = sinceMs !== undefined && sinceMs >= forgottenMs;
    return isEmpty ? ranges : [...ranges, { state: 'queued', sinceMs, beforeMs: forgottenMs }];
  }
  if (isLost || !isQueued) return ranges;
  const stillMs = Math.max(sinceMs ?? 0, forgottenMs);
  return ranges.map((range) => (range.state === 'queued' ? { ...range, sinceMs: stillMs } : range));
}

function unanswered({ label, requestId, instance }: EntryFilter, limit: number): string {
  const named = { label, request: requestId, instance };
  const names = Object.entries(named).flatMap(([name, value]) =>
    value === undefined ? [] : [`the ${name}`],
  );
  return (
    `No index finds jobs by ${names.join(' and ')}: it is read on, past other jobs, until ${limit} are found. ` +
    'The state, or the time since when, narrows that.'
  );
}

async function* scanned(context: FleetContext, options: ListOptions): AsyncGenerator<JobRecord> {
  const { states, label, requestId, instance, since, onNotice } = options;
  // One that is shown as lost is queued in the table.
  const stored = states?.includes('lost') ? [...states, 'queued' as const] : states;
  const filter = { states: stored, label, requestId, instance, sinceMs: since?.getTime() };
  yield* catalogueOf(context).scan(filter, () => onNotice?.(WHOLE_TABLE));
}

const WHOLE_TABLE =
  'The whole table is read: there may be jobs in it that an earlier version of Mayfly has written, of which the index does ' +
  'not know.';

/** The index is a moment behind. */
function isWanted(record: JobRecord, options: ListOptions, state: JobState): boolean {
  const { states, label, requestId, instance, since } = options;
  return (
    (states === undefined || states.includes(state)) &&
    (label === undefined || labelOf(record) === label) &&
    (requestId === undefined || record.requestId === requestId) &&
    (instance === undefined || record.instance === instance) &&
    (since === undefined || Date.parse(record.enqueuedAt ?? '') >= since.getTime())
  );
}

/** The newest of many records, in as much memory as those few take. */
class Newest {
  readonly #limit: number;
  #records: JobRecord[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Of what was added. */
  get size(): number {
    return this.#records.length;
  }

  add(record: JobRecord): void {
    this.#records.push(record);
    // Sorted now and then, so that each record costs little.
    if (this.#records.length >= 2 * this.#limit + 100) this.#records = this.records();
  }

  records(): JobRecord[] {
    return this.#records.toSorted(byNewest).slice(0, this.#limit);
  }
}

/** By when they were enqueued; jobs of one moment by their ids, in which a run's numbers are. */
function byNewest(one: JobRecord, other: JobRecord): number {
  const [a, b] = [one.enqueuedAt ?? one.startedAt ?? '', other.enqueuedAt ?? other.startedAt ?? ''];
  if (a !== b) return a < b ? 1 : -1;
  return other.id.localeCompare(one.id, 'en', { numeric: true });
}
