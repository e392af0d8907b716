import type { EscalationStep } from '../policy/escalation.ts';
import type { ForecastDecision as PolicyForecast } from '../policy/forecast.ts';
import type { RefusableCall, RefusalKind } from '../policy/refusal.ts';
import type { Reason } from '../policy/retirement.ts';

/** The states of a job. `held` and `skipped` are for groups and requests. An operator causes `cancelled`. */
export type JobState =
  | 'held'
  | 'queued'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'cancelled'
  | 'lost'
  | 'skipped';

export const TERMINAL_STATES: ReadonlySet<JobState> = new Set([
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'lost',
  'skipped',
]);

/** What follows a job in its lane: the health check of its target, and before it the roll-back of a job that failed. */
export type Stage = 'check' | 'rollBack';

/** The reason of a job that was cancelled. */
export const CANCELLED_REASON = 'cancelled by request';

/** The record of a job: its item in the table. An absent attribute is unknown. */
export interface JobRecord {
  pk: string;
  id: string;
  state: JobState;
  /** Tries that cost an attempt, the running one included. */
  attempts: number;
  messageId?: string;
  /** The message must have it too (`jobs/binding.ts`). Present if the record was written before the message. Secret. */
  nonce?: string;
  /**
   * While it runs: the instance, a value that is unique for the claim and that later writes must match, and the end of
   * the lease.
   */
  instance?: string;
  fence?: string;
  leaseUntilMs?: number;
  /** Its keys in the index `byState`. */
  listed?: string;
  listedAt?: string;
  /** Its key in the index `byListing`. Present while an agent of an earlier version runs it. */
  listing?: string;
  enqueuedAt?: string;
  /** While it is queued: its message is invisible until then. It may be received later. */
  notBefore?: string;
  /** When the last try started. */
  startedAt?: string;
  /** When the job ended. Present in a terminal state. */
  endedAt?: string;
  /** How the last try ended. */
  exitStatus?: number;
  signal?: string;
  /** Why the job is in its state, for a person. */
  reason?: string;
  /** The latest tries, the oldest first: see `boundTries`. */
  tries?: Try[];
  /** How many seconds a worker may run, if the job asked for another limit than the fleet's. */
  limitSeconds?: number;
  /** The enqueuing side did not know the longest limit of the fleet, so the agent checks `limitSeconds`. */
  limitUnchecked?: boolean;
  /** From the message's envelope. See `findLabel`. */
  group?: string;
  label?: string;
  requestId?: string;
  /** What the job works on, such as a server. At most one job at a time works on it. */
  target?: string;
  /** Its place among the jobs of its request, from 1, and how many jobs the request has. */
  index?: number;
  count?: number;
  /** The tries that cost an attempt until it fails, instead of the fleet's `maxAttempts`. */
  maxAttempts?: number;
  /** The name of the command that runs instead of the fleet's `command`: a key of the prop `commands`. */
  command?: string;
  /** The part of the lane of job `stageOf` that this job is. Absent: it is the first job of its lane. */
  stage?: Stage;
  stageOf?: string;
  /** Of a health check: how long its command is repeated until it succeeds, counted from `firstStartedAt`. */
  checkSeconds?: number;
  /** Of a health check: when it was first claimed. A later claim does not change it. */
  firstStartedAt?: string;
  /**
   * Of a job of a group: when its worker first exited with status 75 (`EX_TEMPFAIL`). Removed when a later try of the
   * worker ends otherwise.
   */
  notNowAt?: string;
  /**
   * Of a job with a group: the number of its release. Its message has the same (`MayflyRelease`). Absent while it is held: no
   * message of it may run then.
   */
  release?: number;
  /** The highest number under which it was released or recalled. A release needs a higher one. */
  lastRelease?: number;
  /** When it was released, and when its message was sent. */
  releasedAt?: string;
  sentAt?: string;
  /** When it got its place among the plain jobs of its group. */
  placedAt?: string;
  /** An agent received its message, held it and made its nonce. */
  boundBy?: 'agent';
  /** The producers' attributes of the message that an agent held, as JSON (`formatAttributes`). */
  attributes?: string;
  /** What the worker reads, if it is short (`MAX_KEPT_BODY_BYTES`). For `mayfly retry`. */
  body?: string;
  /** Of a longer body: its start, and its length in bytes of UTF-8 (`createBodyAttributes`). */
  bodyStart?: string;
  bodyBytes?: number;
  /** The key of the body in the log bucket, if it is there. */
  bodyKey?: string;
  /** The digest of that body (`digestBody`). */
  bodyDigest?: string;
  /** When somebody cancelled it while it ran. A queued job is cancelled at once. */
  cancelRequestedAt?: string;
  /** The job that this one repeats, and the last job that repeats this one. */
  retryOf?: string;
  retriedAs?: string;
  /** When its message was copied to the dead-letter queue. A copy that was sent before is a duplicate. */
  deadLetteredAt?: string;
  /**
   * Why its message is not in the dead-letter queue yet, in SQS's words. The copy is retried when the message is
   * received.
   */
  deadLetterError?: string;
  /** When it was cleaned up. What is left tells a claim that the job has ended. Everything else treats it as unknown. */
  removedAt?: string;
  /** When DynamoDB deletes the item: epoch seconds. */
  expires?: number;
}

/**
 * A name that jobs share, to find them by. Earlier versions wrote it as `group`, and a job's group serves as its label.
 */
export function findLabel(named: {
  label?: string | undefined;
  group?: string | undefined;
}): string | undefined {
  return named.label ?? named.group;
}

/** The longest body, in bytes, that a record keeps. DynamoDB bills every write by the size of the whole item. */
export const MAX_KEPT_BODY_BYTES = 1024;

/** One try of a job. It is written at the claim and again at its end. */
export interface Try {
  /** Unique in the job, in the order of time (`tryKey`). Its log is at `jobs/<id>/<key>/`. */
  key: string;
  instance: string;
  startedAt: string;
  /** `MAYFLY_ATTEMPT`. This attribute and the following ones are present when the try has ended. */
  attempt?: number;
  /** Absent: it runs, or it was lost. */
  endedAt?: string;
  exitStatus?: number;
  signal?: string;
  reason?: string;
  /** It was lost with its slot. */
  slotLost?: true;
  /** After it failed, the check of its instance failed too. */
  unhealthy?: true;
  /** Its output as far as it is known, also while it runs. */
  log?: TryLog;
  /**
   * What its worker wrote to the file of `MAYFLY_RESULT`; or why that is left out. It is here and not in the job, where an agent
   * of an earlier version would leave it to a later try.
   */
  result?: string;
  resultError?: string;
}

/**
 * The output of a try. Up to `MAX_INLINE_LOG_BYTES` bytes, both streams together, are kept here. A longer output is in the
 * log bucket as a whole (`store/bucket-keys.ts`), and only its end is kept here.
 */
export interface TryLog {
  stdout: StreamLog;
  stderr: StreamLog;
  /**
   * Of a log that is kept here: when which bytes came, `[milliseconds since startedAt, 1 for stdout or 2 for stderr,
   * bytes]`.
   */
  times?: [ms: number, stream: 1 | 2, bytes: number][];
  /** Of a log in the bucket that was cut there: how many bytes were kept, both streams together. */
  maxBytes?: number;
  /**
   * Of a log in the bucket: the last `MAX_INLINE_LOG_BYTES` bytes of both streams, in the order in which they came. For
   * people.
   */
  tail?: string;
}

export interface StreamLog {
  /** All bytes that came, including those that were lost. */
  bytes: number;
  /** The whole stream: as it is if it is UTF-8, else in base64. Absent: it is empty or in the bucket. */
  text?: string;
  base64?: string;
  /** The number of the last chunk in the bucket. The first is 1. Absent: there is none. */
  chunks?: number;
  /** Bytes that could not be written or are beyond `maxBytes`. */
  lost?: number;
}

/** Bytes of output, both streams of a try together, that its record keeps. */
export const MAX_INLINE_LOG_BYTES = 4096;

/** The record of an instance: its item in the table. */
export interface InstanceRecord {
  pk: string;
  instance: string;
  /**
   * `instances` until nothing of the instance is left to settle, then `retired`. Its agent writes `retired` with its last
   * record, or else the keeper does (`store/instance-store.ts`).
   */
  listing: 'instances' | 'retired';
  /**
   * The same for the index `byState`, whose sort key is the instance's id. Absent in a record that an earlier version
   * wrote.
   */
  listed?: 'instances' | 'retired';
  listedAt?: string;
  launchedAt?: string;
  readyAt?: string;
  /** When its agent reported last, by its start or by a report. */
  reportedAtMs?: number;
  bootSeconds?: number;
  /** What the agent reported last. */
  forecast?: Forecast;
  /** When an operator drained it: it takes no new job and retires when its jobs have ended. */
  drainRequestedAt?: string;
  retirement?: Retirement;
  /** Why its agent stopped working, in the agent's own words, in one line. Removed when an agent starts there again. */
  fatalError?: string;
  /** When the keeper lowered the desired capacity for it, since the step by which it retired does not. */
  accountedAtMs?: number;
  expires?: number;
}

/** What an instance does, and what it will do next unless something happens before. */
export interface Forecast {
  /** Jobs that run, how many can run at the same time, and jobs that ended since the agent's start. */
  running: number;
  slots: number;
  jobsDone: number;
  /** When it last started a job. Absent: it never did. */
  lastStartMs?: number;
  /** Since when it has had no job. Absent: it has one. */
  idleSince?: string;
  /**
   * `work`: it works until there is nothing to do, or takes no new job from `at` on. `retire`: it retires at `at` if no job
   * comes. `leave`: it retires at `at` in any case, or is retiring. `stay`: it has nothing to do and is kept.
   */
  next: PolicyForecast['next'];
  at?: string;
  reason?: RetirementReason;
  /** Present if it takes one job at a time, with pauses, because several jobs in a row failed on it. */
  slowed?: SlowedForecast;
  /** Present if it takes no job, because AWS refuses calls that it needs. */
  refused?: RefusedForecast;
}

export interface SlowedForecast {
  since: string;
  /** Tries that failed in a row, and how the last one ended. */
  failures: number;
  reason: string;
}

export type RefusedForecast = {
  what: RefusableCall;
  /** In AWS's words. */
  error: string;
  since: string;
};

export type RetirementReason =
  /** What the policy decides. `cannot-...`: `problem` has AWS's words. */
  | Reason
  | 'boot-failed'
  | 'agent-crashed'
  | 'stopped'
  /** It is gone for an unknown reason. */
  | 'lost';

export interface Retirement {
  reason: RetirementReason;
  decidedAt: string;
  endedAt: string;
  idleSeconds: number;
  jobsDone: number;
  /** Visible messages at the decision. Absent: the queue did not answer. */
  queueDepth?: number;
  rung: EscalationStep;
  /** Calls that were made, all steps together, and the last error. */
  tries: number;
  lastError?: string;
  /** What was wrong with the instance, or who stopped it, for a person. */
  problem?: string;
  /** The kind of the refusal for which the instance goes. */
  refusal?: RefusalKind;
  /** Of an unhealthy instance: the job after whose failure `instanceCheck` failed. */
  job?: string;
}
