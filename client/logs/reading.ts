import type { Clock } from '../../aws/clock.ts';
import type { LogPart } from '../../store/log-layout.ts';
import { type JobRecord, TERMINAL_STATES, type Try } from '../../jobs/record.ts';
import { MissingChunk } from './chunks.ts';
import { LogGone, NoSuchTry } from './errors.ts';
import type { LogPiece, LogStream } from './pieces.ts';
import { TryReader } from './try-reader.ts';

/** Where the log of one job is. */
export interface LogSource {
  /** The job's record as it is now; rejects if there is none. */
  record(): Promise<JobRecord>;
  /** An object of the log of a try; undefined if it is not there. */
  object(tryKey: string, part: LogPart, number: number): Promise<Uint8Array | undefined>;
}

export interface LogOptions {
  /** Goes on until the job has ended, over later tries too. Default: what is there now, of the last try. */
  follow?: boolean;
  /** Default: both. */
  stream?: LogStream;
  /** Only this one of the tries that the record lists; 1 is the oldest. */
  try?: number;
  /** Ends the following, with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * What there is to tell of a log, in its order: first that the job waits to start, if so; then each try that is read,
 * with its output; last the record, as of the end of the reading.
 */
export type LogEvent =
  | LogPiece
  /** Followed: the job is queued or held, and nothing runs. Once for each time. */
  | { kind: 'waiting'; record: JobRecord }
  /** What follows is of this try, number `number` of those in the record. */
  | { kind: 'try'; number: number; tried: Try; record: JobRecord }
  /** Its agent vanished: nobody knows how it ended, nor whether this was all. */
  | { kind: 'vanished'; number: number; tried: Try }
  | { kind: 'end'; record: JobRecord };

/** Milliseconds between two looks: the longer nothing new came, the longer. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5000;
const GROWTH = 1.3;

/**
 * Reads the log of a job. A look is one read of its record and, if the log is in the bucket, one of the object that
 * comes next: no listing, which costs more than ten of these and is not needed, as all is numbered. Both are
 * consistent; and what is read after the record said that a try has ended is all of it.
 *
 * @throws `LogGone` if the log was in the bucket and is not any more
 * @throws `NoSuchTry`
 */
export async function* readLog(
  source: LogSource,
  options: LogOptions,
  clock: Clock,
): AsyncGenerator<LogEvent> {
  const { follow = false, try: number } = options;
  const pauses = new Pauses(clock, options.signal);
  let record = await source.record();
  let tried = number === undefined ? record.tries?.at(-1) : numbered(record, number);
  let waitedAfter: string | undefined;
  for (let last: string | undefined; ; ) {
    if (tried) {
      last = tried.key;
      pauses.reset();
      record = yield* readTry(source, options, record, tried, pauses);
      if (!follow || number !== undefined) break;
    } else {
      if (!follow || TERMINAL_STATES.has(record.state)) break;
      if (waitedAfter !== (last ?? '')) yield { kind: 'waiting', record };
      waitedAfter = last ?? '';
      await pauses.next();
      record = await source.record();
    }
    tried = following(record, last);
  }
  yield { kind: 'end', record };
}

/** Reads a try; if it is followed, to its end. Returns the record as of then. */
async function* readTry(
  source: LogSource,
  { follow = false, stream }: LogOptions,
  first: JobRecord,
  { key }: Try,
  pauses: Pauses,
): AsyncGenerator<LogEvent, JobRecord> {
  const reader = new TryReader((part, number) => source.object(key, part, number), stream && [stream]);
  const started = find(first, key);
  if (started) yield { kind: 'try', ...started, record: first };
  for (let record = first; ; record = await source.record()) {
    const found = find(record, key);
    // A record keeps the newest tries: while this one was read, many others have come.
    if (!found) return record;
    const over = isOver(found.tried, record);
    try {
      for await (const piece of reader.read(found.tried, over)) {
        yield piece;
        pauses.reset();
      }
    } catch (error) {
      throw error instanceof MissingChunk ? gone(record, found.number) : error;
    }
    if (over && found.tried.endedAt === undefined) yield { kind: 'vanished', ...found };
    if (over || !follow) return record;
    await pauses.next();
  }
}

/** The try after the one with this key: clocks of machines differ, so it is the list's order that counts. */
function following({ tries = [] }: JobRecord, key: string | undefined): Try | undefined {
  return tries[tries.findIndex((one) => one.key === key) + 1];
}

function find(record: JobRecord, key: string): { number: number; tried: Try } | undefined {
  const index = record.tries?.findIndex((one) => one.key === key) ?? -1;
  const tried = record.tries?.[index];
  return tried && { number: index + 1, tried };
}

/** Nothing will come any more: it has ended, or its agent vanished and the job went on without it. */
function isOver(tried: Try, { state, tries }: JobRecord): boolean {
  return tried.endedAt !== undefined || state !== 'running' || tries?.at(-1)?.key !== tried.key;
}

function numbered({ id, tries = [] }: JobRecord, number: number): Try {
  const tried = tries[number - 1];
  if (tried) return tried;
  const count = tries.length;
  const has = count === 0 ? 'it has not started' : count === 1 ? 'there is one' : `there are ${count}`;
  throw new NoSuchTry(`Job ${id} has no try ${number}: ${has}. \`mayfly status ${id}\` lists them.`);
}

function gone({ id }: JobRecord, number: number): LogGone {
  return new LogGone(
    `The log of try ${number} of job ${id} is not in the log bucket any more, or not all of it: it has expired, or ` +
      `somebody deleted it. \`mayfly status ${id}\` has the last lines, as long as the job has its record.`,
  );
}

class Pauses {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #ms = FIRST_PAUSE_MS;

  constructor(clock: Clock, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#signal = signal;
  }

  reset(): void {
    this.#ms = FIRST_PAUSE_MS;
  }

  async next(): Promise<void> {
    await this.#clock.sleep(this.#ms, this.#signal);
    this.#ms = Math.min(this.#ms * GROWTH, LONGEST_PAUSE_MS);
  }
}
