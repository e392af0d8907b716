import {
  findLabel,
  type JobRecord,
  type JobState,
  TERMINAL_STATES,
  type Try,
  type TryLog,
} from '../../jobs/record.ts';
import { MAX_KEPT_TRIES } from '../../jobs/tries.ts';
import type { HeldReason } from '../../policy/groups/held.ts';
import type { Waiting } from '../../policy/waiting.ts';
import { logPrefix } from '../../store/bucket-keys.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { formatTime } from '../format-time.ts';
import { shownState } from '../job-state.ts';
import { isInBucket } from '../logs/inline.ts';
import { createResultView, type ResultView } from './result.ts';

/** A job, as `--json` prints it. Times are ISO 8601. What is not known is absent. */
export interface JobView {
  id: string;
  /** `unknown`: the fleet has no record of it. */
  state: JobState | 'unknown';
  /** Whether it has ended, so that its state does not change any more. False for an unknown job. */
  finished: boolean;
  /** Number of attempts that are used, including the running one. */
  attempts: number;
  /** The instance that runs it. Absent unless it runs. */
  instance?: string;
  enqueuedAt?: string;
  /** Start of the last try. */
  startedAt?: string;
  /** End of the job. */
  endedAt?: string;
  /** Seconds from enqueueing to the first start. If it has not started: until now, or until its end. */
  waitedSeconds?: number;
  /** Duration of the last try in seconds. If it runs: until now. */
  ranSeconds?: number;
  /** Exit status of the last try's worker. */
  exitStatus?: number;
  /** Signal that ended the last try's worker. */
  signal?: string;
  /** Why it is in its state. */
  reason?: string;
  /**
   * What the worker of the last try wrote to the file of `MAYFLY_RESULT`, if it wrote something: an object if it is a JSON
   * object, else the text.
   */
  result?: ResultView;
  /** Why what the worker of the last try wrote there was left out, such as more than 4 KiB. */
  resultError?: string;
  /** If it is queued: the time before which it does not start. */
  notBefore?: string;
  /** If it is held, or if it is queued and `waitsFor` was requested: what it waits for. */
  waitsFor?: WaitingView;
  /** SQS's message if the job could not be sent to the dead-letter queue yet. */
  deadLetterError?: string;
  /** The name that it shares with other jobs. */
  label?: string;
  /** Its group and its target. */
  group?: string;
  target?: string;
  requestId?: string;
  /** Its place in its request, from 1, and the number of jobs of the request. */
  index?: number;
  count?: number;
  /** If it is a roll-back or a health check: which, the name of its command, and the id of the job that it follows. */
  stage?: 'rollBack' | 'check';
  command?: string;
  stageOf?: string;
  /** If it was requested: the roll-back and the health check that followed it. */
  stages?: StageView[];
  /** The whole body, if it is at most 1 KiB, or if it was requested and is stored. */
  body?: string;
  /** The beginning of a longer body. */
  bodyStart?: string;
  /** Length of a longer body in bytes. */
  bodyBytes?: number;
  /** `s3://<bucket>/<key>`, if the body is in the log bucket. */
  bodyLocation?: string;
  /** Its time limit. Absent: the fleet's. */
  limitSeconds?: number;
  /** How often it is tried. Absent: as often as the fleet's jobs are. */
  maxAttempts?: number;
  cancelRequestedAt?: string;
  /** Id of the job that this one repeats. */
  retryOf?: string;
  /** Id of the job that repeats this one. */
  retriedAs?: string;
  /** When its record expires. */
  expiresAt?: string;
  /** Log of the last try. */
  log?: LogView;
  /** The latest tries, at most 20, oldest first. */
  tries: TryView[];
}

/** What a queued or a held job waits for. */
export interface WaitingView {
  /** `unknown`: the state of the fleet or of the job's group could not be read. */
  what: Waiting['what'] | HeldReason['what'] | 'unknown';
  /** The same as a clause. */
  text: string;
  /** Since when it waits for this. */
  since?: string;
  /** Until when it waits for this. */
  until?: string;
}

/** A roll-back or a health check: a job of its own, in the lane of the job that it follows. */
export interface StageView {
  stage: 'rollBack' | 'check';
  id: string;
  state: JobState;
}

/** One try of a job. */
export interface TryView {
  /** `MAYFLY_ATTEMPT`. Absent if the try's end was not recorded. */
  attempt?: number;
  instance: string;
  startedAt: string;
  /** Absent: it runs, or its end was not recorded. */
  endedAt?: string;
  /** Its duration in seconds. */
  ranSeconds?: number;
  exitStatus?: number;
  signal?: string;
  reason?: string;
  /** The result of its worker. Absent also if it was dropped for those of later tries. */
  result?: ResultView;
  resultError?: string;
  log?: LogView;
}

/** The log of a try. */
export interface LogView {
  /** Bytes that the worker wrote to stdout, including lost ones. */
  stdoutBytes: number;
  /** Bytes that the worker wrote to stderr, including lost ones. */
  stderrBytes: number;
  /** Bytes that were not stored. */
  lostBytes?: number;
  /** If the log was longer than the fleet keeps: that limit in bytes, for both streams together (`maxLog`). */
  maxBytes?: number;
  /** `s3://<bucket>/<prefix>`, if the log is in the bucket and not in the record. */
  location?: string;
}

/** @param nowMs the time now, for durations that have not ended and for messages beyond their retention period */
export function createJobView(record: JobRecord, facts: FleetFacts, nowMs: number): JobView {
  const { id, attempts, instance, enqueuedAt, startedAt, endedAt, exitStatus, signal } = record;
  const { requestId, limitSeconds, cancelRequestedAt, retryOf, retriedAs, expires } = record;
  const { deadLetterError, body, bodyStart, bodyBytes, bodyKey } = record;
  const { group, target, index, count, stage, command, stageOf } = record;
  const tries = record.tries ?? [];
  const last = tries.at(-1);
  const state = shownState(record, facts, nowMs);
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
    ...resultOf(last),
    notBefore: state === 'queued' ? record.notBefore : undefined,
    deadLetterError,
    label: findLabel(record),
    group,
    target,
    requestId,
    index,
    count,
    stage,
    command,
    stageOf,
    body,
    bodyStart,
    bodyBytes,
    bodyLocation: bodyKey === undefined ? undefined : `s3://${facts.logBucket}/${bodyKey}`,
    limitSeconds,
    maxAttempts: record.maxAttempts,
    cancelRequestedAt,
    retryOf,
    retriedAs,
    expiresAt: expires === undefined ? undefined : new Date(expires * 1000).toISOString(),
    log: last?.log && logView(id, last.key, last.log, facts),
    tries: tries.map((one) => tryView(id, one === last ? current(one, record) : one, facts)),
  });
}

/** The view of a job that has no record. */
export function unknownView(id: string): JobView {
  return { id, state: 'unknown', finished: false, attempts: 0, tries: [] };
}

function reasonOf(record: JobRecord, state: JobState, nowMs: number): string | undefined {
  if (state === 'lost' && record.state !== 'lost')
    return 'its message has exceeded the retention period of the queue';
  if (state === 'running' && record.leaseUntilMs !== undefined && record.leaseUntilMs < nowMs) {
    const since = formatTime(record.leaseUntilMs);
    return `its instance has not reported since ${since}: the job is settled when the instance is known to be gone`;
  }
  return record.reason;
}

/** Undefined if the list of tries is full: there may have been earlier ones. */
function waited({ tries = [], ...record }: JobRecord, state: JobState, nowMs: number): number | undefined {
  if (tries.length >= MAX_KEPT_TRIES) return undefined;
  const started = tries[0]?.startedAt ?? record.startedAt;
  const waits = state === 'queued' || state === 'held' ? nowMs : undefined;
  return seconds(record.enqueuedAt, started ?? record.endedAt ?? waits);
}

/** The last try. While it runs, its attempt is in the record. */
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
    ...resultOf(one),
    log: log && logView(job, key, log, facts),
  });
}

function resultOf({ result, resultError }: Partial<Try> = {}) {
  return { result: result === undefined ? undefined : createResultView(result), resultError };
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

/** Never negative, because the clocks of two machines differ. */
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
