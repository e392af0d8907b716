import type { Rung } from '../policy/ladder.ts';
import type { Foresight } from '../policy/outlook.ts';
import type { Refusable, RefusalKind } from '../policy/refusal.ts';
import type { Reason } from '../policy/retirement.ts';

/** The states of a job. `held` and `skipped` belong to groups and requests, `cancelled` to an operator. */
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

/** The reason of a job that was cancelled. */
export const CANCELLED = 'cancelled by request';

/** A job's record: the item `job#<id>` of the table. Absent attributes are unknown, never empty. */
export interface JobRecord {
  pk: string;
  id: string;
  state: JobState;
  /** Tries that cost an attempt, the running one included. */
  attempts: number;
  messageId?: string;
  /** The record was written before the message, which has to carry this (`jobs/binding.ts`). Secret. */
  nonce?: string;
  /** While running: who has it, until when, and the claim's own mark that later writes must match. */
  instance?: string;
  fence?: string;
  leaseUntilMs?: number;
  /** Its place in the index `byState`: see `listing.ts`. */
  listed?: string;
  listedAt?: string;
  /** While an agent of an earlier version runs it. */
  listing?: string;
  enqueuedAt?: string;
  /** While it is queued: its message is hidden until then. It may come later. */
  notBefore?: string;
  /** Of the last try. */
  startedAt?: string;
  /** Of the job, in a terminal state. */
  endedAt?: string;
  /** How the last try ended. */
  exitStatus?: number;
  signal?: string;
  /** Why the job is in its state, for a person. */
  reason?: string;
  /** The latest tries, oldest first: see `boundedTries`. */
  tries?: Try[];
  /** How long a worker may run, if the job asked for something else than its fleet. Seconds. */
  limitSeconds?: number;
  /** Who enqueued it did not know how long the fleet allows: the agent sees to that. */
  limitUnchecked?: boolean;
  /** Of the message's envelope. See `labelOf`. */
  group?: string;
  label?: string;
  requestId?: string;
  /** What the worker reads, if it is short (`LONGEST_KEPT_BODY`); for a retry by hand. */
  body?: string;
  /** Of a longer one the start, and the bytes that all of it has in UTF-8 (`bodyInRecord`). */
  bodyStart?: string;
  bodyBytes?: number;
  /** Its key in the log bucket, `bodies/<id>`, if it is there. */
  bodyKey?: string;
  /** What the body there has to have (`digestOfBody`). */
  bodyDigest?: string;
  /** Somebody wants it to end. One that is queued is cancelled at once instead. */
  cancelRequestedAt?: string;
  /** The job that this one repeats, and the last one that repeats this. */
  retryOf?: string;
  retriedAs?: string;
  /** A message of it was put into the dead-letter queue: any sent before is one too many. */
  deadLetteredAt?: string;
  /** Why its dead-letter queue has not taken its message yet, in SQS's words. It is tried again when the message comes. */
  deadLetterError?: string;
  /** It was cleaned up. What is left says to a claim that the job has ended; to all others it is unknown. */
  removedAt?: string;
  /** Time to live, epoch seconds. */
  expires?: number;
}

/**
 * A name that jobs share, to find them by. Earlier versions wrote it as `group`; and a group excludes nothing yet, so it is
 * no more than a name either.
 */
export function labelOf(named: {
  label?: string | undefined;
  group?: string | undefined;
}): string | undefined {
  return named.label ?? named.group;
}

/** Longest body, in bytes, that a record keeps: every write of a record is billed by the whole of it. */
export const LONGEST_KEPT_BODY = 1024;

/** One try of a job: written at its claim, and once more at its end. */
export interface Try {
  /** Unique in the job and in the order of time (`tryKey`); its log is at `jobs/<id>/<key>/`. */
  key: string;
  instance: string;
  startedAt: string;
  /** `MAYFLY_ATTEMPT`. This and all that follows is there when the try has ended. */
  attempt?: number;
  /** Absent: it runs, or nobody saw its end: it was lost. */
  endedAt?: string;
  exitStatus?: number;
  signal?: string;
  reason?: string;
  /** It was lost with its slot. */
  slotLost?: true;
  /** Its instance was found to be unhealthy when it had failed. */
  unhealthy?: true;
  /** What is known of its output; while it runs too. */
  log?: TryLog;
}

/**
 * What a try has printed. Up to `LONGEST_INLINE_LOG` bytes, both streams together, stand here; more is in the log
 * bucket, all of it (`log-layout.ts`), and here is only the last of it.
 */
export interface TryLog {
  stdout: StreamLog;
  stderr: StreamLog;
  /** Of a log that stands here: what came when, `[milliseconds since startedAt, 1 for stdout or 2 for stderr, bytes]`. */
  times?: [ms: number, stream: 1 | 2, bytes: number][];
  /** Of one that is in the bucket and was cut there: as many bytes were kept, both streams together, and no more. */
  maxBytes?: number;
  /** Of one that is in the bucket: the last `LONGEST_INLINE_LOG` bytes of both streams, as they came; for people. */
  tail?: string;
}

export interface StreamLog {
  /** All that came, what was lost included. */
  bytes: number;
  /** The whole stream: as it is if it is UTF-8, else in base64. Absent if it is empty or in the bucket. */
  text?: string;
  base64?: string;
  /** Chunks in the bucket: 1 to this. Absent while none is there. */
  chunks?: number;
  /** Bytes that could not be written, or are beyond `maxBytes`: holes in the log. */
  lost?: number;
}

/** Bytes of output, both streams of a try together, that stay in its record. */
export const LONGEST_INLINE_LOG = 4096;

/** Why an instance went, its item `instance#<id>` of the table. */
export interface InstanceRecord {
  pk: string;
  instance: string;
  listing: 'instances' | 'retired';
  /** The same for the index `byState`, where it stands by its id. Absent in a record that an earlier version wrote. */
  listed?: 'instances' | 'retired';
  listedAt?: string;
  launchedAt?: string;
  readyAt?: string;
  heardAtMs?: number;
  bootSeconds?: number;
  /** What the agent said of itself when it was last heard of; see `Outlook`. */
  outlook?: Outlook;
  /** An operator wants it to take no new job, and to go when its jobs have ended. */
  drainRequestedAt?: string;
  retirement?: Retirement;
  /** Why its agent gave up, as that said it itself, in a line. Gone once an agent starts there again. */
  lastWords?: string;
  /** When the keeper lowered the desired capacity in its stead: it had gone by a rung that does not. */
  accountedAtMs?: number;
  expires?: number;
}

/** What an instance does, and what it will do next if nothing happens before. */
export interface Outlook {
  /** Jobs whose worker runs, of how many at once, and jobs done since its start. */
  running: number;
  slots: number;
  jobsDone: number;
  /** When it last started a job; absent: it never did. */
  lastStartMs?: number;
  /** Since when it has been without a job; absent while it has one. */
  idleSince?: string;
  /**
   * `work`: goes on until there is nothing to do, or takes no more jobs from `at` on. `retire`: goes at `at` if no job
   * comes. `leave`: goes at `at` whatever comes, or is on its way out. `stay`: has nothing to do, and is kept.
   */
  next: Foresight['next'];
  at?: string;
  reason?: RetirementReason;
  /** It takes one job at a time, with pauses, as several jobs in a row have failed on it. Absent: it does not. */
  slowed?: SlowedOutlook;
  /** AWS refuses it what it cannot work without: it takes no job. */
  refused?: RefusedOutlook;
}

export interface SlowedOutlook {
  since: string;
  /** Tries that failed in a row, and how the last one ended. */
  failures: number;
  reason: string;
}

export type RefusedOutlook = {
  what: Refusable;
  /** AWS's own words. */
  error: string;
  since: string;
};

export type RetirementReason =
  /** What the policy decides. `cannot-...`: `problem` has AWS's words. */
  | Reason
  | 'boot-failed'
  | 'agent-crashed'
  | 'stopped'
  /** It is gone, and nobody knows why. */
  | 'lost';

export interface Retirement {
  reason: RetirementReason;
  decidedAt: string;
  endedAt: string;
  idleSeconds: number;
  jobsDone: number;
  /** Visible messages at the decision; absent if the queue did not tell. */
  queueDepth?: number;
  rung: Rung;
  /** Calls made, all rungs together, and the last refusal. */
  tries: number;
  lastError?: string;
  /** What was wrong with an instance that was of no use, or who stopped it, for a person. */
  problem?: string;
  /** The kind of the refusal for which the instance goes. */
  refusal?: RefusalKind;
  /** Of an unhealthy instance the job after whose failure `instanceCheck` failed. */
  job?: string;
}
