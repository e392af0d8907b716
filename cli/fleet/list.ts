import { type JobRecord, type JobState, labelOf, TERMINAL_STATES } from '../../jobs/record.ts';
import { awsTime, type FleetContext, needRecords } from './context.ts';
import { WrongOption } from './errors.ts';
import { catalogueOf } from './status.ts';
import { type JobView, stateOf, viewOf } from './view.ts';

export interface ListOptions {
  states?: readonly JobState[];
  label?: string;
  requestId?: string;
  /** Jobs whose last try ran there, or runs. */
  instance?: string;
  /** Enqueued, started or ended since then. */
  since?: Date;
  /** How many at most. Default 50. */
  limit?: number;
}

const DEFAULT_LIMIT = 50;
const LIVE: readonly JobState[] = ['held', 'queued', 'running'];
const ALL: readonly JobState[] = [...LIVE, ...TERMINAL_STATES];

/**
 * The newest jobs, newest first. Reads the whole table, whatever is asked for, save for what runs on one instance: of
 * that there is an index.
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
  for await (const record of found(context, options)) {
    if (isWanted(record, options) && (!states || states.includes(stateOf(record, context.facts, nowMs)))) {
      newest.add(record);
    }
  }
  return newest.records().map((record) => viewOf(record, context.facts, nowMs));
}

async function* found(context: FleetContext, options: ListOptions): AsyncGenerator<JobRecord> {
  const catalogue = catalogueOf(context);
  const { states, label, requestId, instance, since } = options;
  if (instance !== undefined && states?.length === 1 && states[0] === 'running') {
    yield* await catalogue.running(instance);
    return;
  }
  // One that is shown as lost is queued in the table.
  const stored = states?.includes('lost') ? [...states, 'queued' as const] : states;
  yield* catalogue.scan({ states: stored, label, requestId, instance, sinceMs: since?.getTime() });
}

/** The index knows the instance alone. */
function isWanted(record: JobRecord, { label, requestId, since }: ListOptions): boolean {
  const times = [record.enqueuedAt, record.startedAt, record.endedAt];
  return (
    (label === undefined || labelOf(record) === label) &&
    (requestId === undefined || record.requestId === requestId) &&
    (since === undefined || times.some((time) => time !== undefined && Date.parse(time) >= since.getTime()))
  );
}

/** The newest of many records, in as much memory as those few take. */
class Newest {
  readonly #limit: number;
  #records: JobRecord[] = [];

  constructor(limit: number) {
    this.#limit = limit;
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
