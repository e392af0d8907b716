import type { FleetFacts } from '../../store/fleet-facts.ts';
import { logPrefix } from '../../store/log-layout.ts';
import {
  type JobRecord,
  type JobState,
  labelOf,
  TERMINAL_STATES,
  type Try,
  type TryLog,
} from '../../jobs/record.ts';
import { MOST_TRIES } from '../../jobs/tries.ts';
import type { Waiting } from '../../policy/waiting.ts';
import { stateOf } from '../job-state.ts';
import { isInBucket } from '../logs/inline.ts';
import { moment } from '../moment.ts';

/** A job as it is shown: what `--json` prints. Times are ISO 8601. What is not known is absent. */
export interface JobView {
  id: string;
  /** `unknown`: the fleet has no record of it. */
  state: JobState | 'unknown';
  /** Whether it is in its last state. Never for an unknown one. */
  finished: boolean;
  /** Tries that cost an attempt, the running one included. */
  attempts: number;
  /** While it runs. */
  instance?: string;
  enqueuedAt?: string;
  /** Of the last try. */
  startedAt?: string;
  endedAt?: string;
  /** From when it was enqueued to its first start; of one that has not started, until now or its end. */
  waitedSeconds?: number;
  /** Of the last try: until now, if it runs. */
  ranSeconds?: number;
  /** How the last try ended. */
  exitStatus?: number;
  signal?: string;
  /** Why it is in its state. */
  reason?: string;
  /** While it is queued: it can run from then on, no earlier. */
  notBefore?: string;
  /** While it is queued, if that was asked for: what it waits for. */
  waitsFor?: WaitingView;
  /** Why its dead-letter queue has not taken its message yet, in SQS's words. */
  deadLetterError?: string;
  /** See `labelOf`. */
  label?: string;
  requestId?: string;
  /** What its worker reads, whole: if it is short (1 KiB), or if it was asked for and is kept. */
  body?: string;
  /** Of a longer one how it begins, and the bytes that all of it has. */
  bodyStart?: string;
  bodyBytes?: number;
  /** `s3://<bucket>/<key>`, if it is in the bucket. */
  bodyLocation?: string;
  limitSeconds?: number;
  cancelRequestedAt?: string;
  retryOf?: string;
  retriedAs?: string;
  /** When the table forgets it. */
  expiresAt?: string;
  /** Of the last try. */
  log?: LogView;
  /** The latest, oldest first. */
  tries: TryView[];
}

/** What a queued job waits for. */
export interface WaitingView {
  what: Waiting['what'] | 'unknown';
  /** The same in words. */
  text: string;
  since?: string;
  until?: string;
}

export interface TryView {
  /** `MAYFLY_ATTEMPT`; absent where nobody saw the try's end. */
  attempt?: number;
  instance: string;
  startedAt: string;
  /** Absent: it runs, or nobody saw its end. */
  endedAt?: string;
  ranSeconds?: number;
  exitStatus?: number;
  signal?: string;
  reason?: string;
  log?: LogView;
}

export interface LogView {
  /** All that came, what was lost included. */
  stdoutBytes: number;
  stderrBytes: number;
  lostBytes?: number;
  /** As many were kept, of both streams together, as the fleet keeps no more (`maxLog`). Absent where the log is no longer. */
  maxBytes?: number;
  /** `s3://<bucket>/<prefix>`, if it is in the bucket and not in the record. */
  location?: string;
}

/** @param nowMs of the clock, for durations that are not over and for a job that its queue has forgotten */
export function viewOf(record: JobRecord, facts: FleetFacts, nowMs: number): JobView {
  const { id, attempts, instance, enqueuedAt, startedAt, endedAt, exitStatus, signal } = record;
  const { requestId, limitSeconds, cancelRequestedAt, retryOf, retriedAs, expires } = record;
  const { deadLetterError, body, bodyStart, bodyBytes, bodyKey } = record;
  const tries = record.tries ?? [];
  const last = tries.at(-1);
  const state = stateOf(record, facts, nowMs);
  return defined({
    id,
    state,
    finished: TERMINAL_STATES.has(state),
    attempts,
    instance: state === 'running' ? instance : undefined,
    enqueuedAt,
    startedAt,
    endedAt,
    waitedSeconds: waited(record, state, nowMs),
    ranSeconds: seconds(startedAt, last?.endedAt ?? endedAt ?? (state === 'running' ? nowMs : undefined)),
    exitStatus,
    signal,
    reason: reasonOf(record, state, nowMs),
    notBefore: state === 'queued' ? record.notBefore : undefined,
    deadLetterError,
    label: labelOf(record),
    requestId,
    body,
    bodyStart,
    bodyBytes,
    bodyLocation: bodyKey === undefined ? undefined : `s3://${facts.logBucket}/${bodyKey}`,
    limitSeconds,
    cancelRequestedAt,
    retryOf,
    retriedAs,
    expiresAt: expires === undefined ? undefined : new Date(expires * 1000).toISOString(),
    log: last?.log && logView(id, last.key, last.log, facts),
    tries: tries.map((one) => tryView(id, one === last ? current(one, record) : one, facts)),
  });
}

/** Of a job that has no record. */
export function unknownView(id: string): JobView {
  return { id, state: 'unknown', finished: false, attempts: 0, tries: [] };
}

function reasonOf(record: JobRecord, state: JobState, nowMs: number): string | undefined {
  if (state === 'lost' && record.state === 'queued') return 'the queue has kept its message no longer';
  if (state === 'running' && record.leaseUntilMs !== undefined && record.leaseUntilMs < nowMs) {
    const since = moment(record.leaseUntilMs);
    return `nothing was heard of its instance since ${since}: it is settled when that one is known to be gone`;
  }
  return record.reason;
}

/** Before the first of a list of tries that is full there may have been others. */
function waited({ tries = [], ...record }: JobRecord, state: JobState, nowMs: number): number | undefined {
  if (tries.length >= MOST_TRIES) return undefined;
  const started = tries[0]?.startedAt ?? record.startedAt;
  const waits = state === 'queued' || state === 'held' ? nowMs : undefined;
  return seconds(record.enqueuedAt, started ?? record.endedAt ?? waits);
}

/** The last try: of one that runs the record has the attempt as its own. */
function current(last: Try, { state, attempts }: JobRecord): Try {
  return state === 'running' && last.endedAt === undefined ? { ...last, attempt: attempts } : last;
}

function tryView(job: string, one: Try, facts: FleetFacts): TryView {
  const { attempt, instance, startedAt, endedAt, exitStatus, signal, reason, key, log } = one;
  return defined({
    attempt,
    instance,
    startedAt,
    endedAt,
    ranSeconds: seconds(startedAt, endedAt),
    exitStatus,
    signal,
    reason,
    log: log && logView(job, key, log, facts),
  });
}

function logView(job: string, key: string, log: TryLog, { logBucket }: FleetFacts): LogView {
  const { stdout, stderr, maxBytes } = log;
  const lost = (stdout.lost ?? 0) + (stderr.lost ?? 0);
  return defined({
    stdoutBytes: stdout.bytes,
    stderrBytes: stderr.bytes,
    lostBytes: lost || undefined,
    maxBytes,
    location: isInBucket(log) ? `s3://${logBucket}/${logPrefix(job, key)}` : undefined,
  });
}

/** Never negative: the clocks of two machines differ. */
function seconds(from: string | undefined, to: string | number | undefined): number | undefined {
  if (from === undefined || to === undefined) return undefined;
  const ms = (typeof to === 'number' ? to : Date.parse(to)) - Date.parse(from);
  return Math.max(0, Math.round(ms) / 1000);
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without what is undefined. */
function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
