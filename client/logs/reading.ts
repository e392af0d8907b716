import type { Clock } from '../../aws/clock.ts';
import { type JobRecord, TERMINAL_STATES, type Try } from '../../jobs/record.ts';
import type { LogPart } from '../../store/bucket-keys.ts';
import { MissingChunkError } from './chunked-bytes.ts';
import { LogGoneError, NoSuchTryError } from './errors.ts';
import type { LogPiece, LogStream } from './pieces.ts';
import { TryReader } from './try-reader.ts';

/** Reads the record and the log objects of one job. */
export interface LogSource {
  /** The job's current record. Rejects if there is none. */
  record(): Promise<JobRecord>;
  /** An object of the log of a try. Undefined if it does not exist. */
  object(tryKey: string, part: LogPart, number: number): Promise<Uint8Array | undefined>;
}

/** Options of `logs`. */
export interface LogOptions {
  /** Read until the job has ended, including later tries. Default false: read what exists now of the last try. */
  follow?: boolean;
  /** The stream to read. Default: both. */
  stream?: LogStream;
  /** Number of the try to read, from 1, the oldest that the record lists. Default: the last. */
  try?: number;
  /** Aborts `follow`. The generator then throws the signal's reason. */
  signal?: AbortSignal;
}

/**
 * An event of `logs`. The order is: `waiting`, if the job has not started; then for each try `try` and its pieces; last
 * `end` with the record as it was when the reading ended.
 */
export type LogEvent =
  | LogPiece
  /** With `follow`: the job is queued or held. Emitted once each time it begins to wait. */
  | { kind: 'waiting'; record: JobRecord }
  /** The pieces that follow are of this try, which is number `number` in the record. */
  | { kind: 'try'; number: number; tried: Try; record: JobRecord }
  /** The agent of this try failed. How the try ended is not known, and its output may be incomplete. */
  | { kind: 'vanished'; number: number; tried: Try }
  | { kind: 'end'; record: JobRecord };

/** Milliseconds between two polls. They grow while nothing new comes. */
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 5000;
const GROWTH = 1.3;

/**
 * Reads the log of a job. A poll reads the record and, if the log is in the bucket, the next object. Objects are
 * numbered, so it needs no listing, which would cost more than ten reads. Both reads are consistent: what is read after
 * the record said that a try has ended is complete.
 *
 * @throws `LogGoneError` if the log was in the bucket and does not exist there any more
 * @throws `NoSuchTryError`
 */
export async function* readLog(
  source: LogSource,
  options: LogOptions,
  clock: Clock,
): AsyncGenerator<LogEvent> {
  const { follow = false, try: number } = options;
  const delays = new RetryDelays(clock, options.signal);
  let record = await source.record();
  let tried = number === undefined ? record.tries?.at(-1) : numbered(record, number);
  let waitedAfter: string | undefined;
  for (let last: string | undefined; ; ) {
    if (tried) {
      last = tried.key;
      delays.reset();
      record = yield* readTry(source, options, record, tried, delays);
      if (!follow || number !== undefined) break;
    } else {
      if (!follow || TERMINAL_STATES.has(record.state)) break;
      if (waitedAfter !== (last ?? '')) yield { kind: 'waiting', record };
      waitedAfter = last ?? '';
      await delays.next();
      record = await source.record();
    }
    tried = following(record, last);
  }
  yield { kind: 'end', record };
}

/** Reads a try, with `follow` to its end. Returns the last record that was read. */
async function* readTry(
  source: LogSource,
  { follow = false, stream }: LogOptions,
  first: JobRecord,
  { key }: Try,
  delays: RetryDelays,
): AsyncGenerator<LogEvent, JobRecord> {
  const reader = new TryReader((part, number) => source.object(key, part, number), stream && [stream]);
  const started = find(first, key);
  if (started) yield { kind: 'try', ...started, record: first };
  for (let record = first; ; record = await source.record()) {
    const found = find(record, key);
    // A record keeps the newest tries. Many others have started since.
    if (!found) return record;
    const over = isOver(found.tried, record);
    try {
      for await (const piece of reader.read(found.tried, over)) {
        yield piece;
        delays.reset();
      }
    } catch (error) {
      throw error instanceof MissingChunkError ? logGone(record, found.number) : error;
    }
    if (over && found.tried.endedAt === undefined) yield { kind: 'vanished', ...found };
    if (over || !follow) return record;
    await delays.next();
  }
}

/** The try after the one with this key, by the order of the list: the clocks of instances differ. */
function following({ tries = [] }: JobRecord, key: string | undefined): Try | undefined {
  return tries[tries.findIndex((one) => one.key === key) + 1];
}

function find(record: JobRecord, key: string): { number: number; tried: Try } | undefined {
  const index = record.tries?.findIndex((one) => one.key === key) ?? -1;
  const tried = record.tries?.[index];
  return tried && { number: index + 1, tried };
}

/** Whether no more output will come: the try has ended, or its agent failed and the job went on without it. */
function isOver(tried: Try, { state, tries }: JobRecord): boolean {
  return tried.endedAt !== undefined || state !== 'running' || tries?.at(-1)?.key !== tried.key;
}

function numbered({ id, tries = [] }: JobRecord, number: number): Try {
  const tried = tries[number - 1];
  if (tried) return tried;
  const count = tries.length;
  const has = count === 0 ? 'it has not started' : count === 1 ? 'there is one' : `there are ${count}`;
  throw new NoSuchTryError(`Job ${id} has no try ${number}: ${has}. \`mayfly status ${id}\` lists them.`);
}

function logGone({ id }: JobRecord, number: number): LogGoneError {
  return new LogGoneError(
    `The log of try ${number} of job ${id}, or a part of it, is not in the log bucket any more: it has expired or ` +
      `was deleted. \`mayfly status ${id}\` shows its last lines as long as the job has a record.`,
  );
}

class RetryDelays {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #ms = FIRST_DELAY_MS;

  constructor(clock: Clock, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#signal = signal;
  }

  reset(): void {
    this.#ms = FIRST_DELAY_MS;
  }

  async next(): Promise<void> {
    await this.#clock.sleep(this.#ms, this.#signal);
    this.#ms = Math.min(this.#ms * GROWTH, LONGEST_DELAY_MS);
  }
}
