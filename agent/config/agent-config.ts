import * as v from 'valibot';
import { LONGEST_INLINE_LOG } from '../../jobs/record.ts';
import {
  LARGEST_VOLUME_BYTES,
  LONGEST_RETENTION_SECONDS,
  LONGEST_VISIBILITY_SECONDS,
} from '../../lib/limits.ts';
import { count, number, seconds, text } from '../../lib/schema.ts';

// A program is given its words and variables as C strings: a NUL would cut them short.
const withoutNul = (value: string) => !value.includes('\0');
const word = v.pipe(text, v.check(withoutNul, 'a text without NUL'));

const queueUrl = v.pipe(
  text,
  v.url('the https URL of an SQS queue'),
  v.check((url) => !url.endsWith('.fifo'), 'the URL of a standard queue: FIFO queues are not worked on'),
);

const roleArn = v.pipe(text, v.regex(/^arn:[\w-]+:iam::\d{12}:role\/.+$/, 'the ARN of an IAM role'));

const variableName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a variable name of letters, digits and _ that begins with no digit'),
  v.check(
    (name) => !name.startsWith('MAYFLY_'),
    'any name but those in MAYFLY_, which the agent sets itself',
  ),
);
const variableValue = v.pipe(v.string('a text'), v.check(withoutNul, 'a text without NUL'));

const command = v.pipe(v.array(word, 'a list of words'), v.minLength(1, 'at least the name of a program'));

const MIB = 1024 * 1024;

/** Enough for the system itself: its journal, its packages, the agent's own state. */
export const DEFAULT_MIN_FREE_DISK_BYTES = 256 * MIB;

/** It costs about 2 cents a month in S3. A worker that prints without end would store hundreds of times as much in an hour. */
export const DEFAULT_MAX_LOG_BYTES = 1024 * MIB;

export const LONGEST_LOG_BYTES = 1024 * 1024 * MIB;

/**
 * Of three tries nine in ten outlast an outage of two minutes of what the worker needs ("Failing over a Multi-AZ DB
 * instance for Amazon RDS": 60 to 120 seconds), and the last one comes six minutes after the first, on average.
 */
export const DEFAULT_RETRY_BACKOFF = { firstSeconds: 120, factor: 5, longestSeconds: 900 };

/**
 * What an agent is told, derived from the fleet's props and written by user-data to `/etc/mayfly/agent.json`.
 * Durations are seconds. A key that is not here is refused.
 */
export const AgentConfigSchema = v.strictObject({
  version: v.literal(1, '1: the version that this agent reads'),
  /** Name of the fleet, for records and logs. */
  fleet: text,
  region: text,
  queueUrl,
  /** Without it a job that is given up stays in the queue, to be tried again, until the queue expires it. */
  deadLetterQueueUrl: v.optional(queueUrl),
  /** The job table. Without it jobs are not tracked and retirements are recorded on the instance alone. */
  table: v.optional(text),
  /**
   * Where jobs' logs go that are too long for their records (`store/log-layout.ts`), and long bodies. Without it, or
   * without a table, a record keeps only the last of its job's output. What ends an instance whose agent cannot puts
   * the instance's log there too.
   */
  logBucket: v.optional(text),
  /** False: the table holds instances, not jobs; attempts are then SQS's receive counts. */
  trackJobs: v.optional(v.boolean('true or false'), true),
  /** The worker, as a vector: no shell. See docs/design.md for how its first word is found. */
  command,
  /** Run as a worker is, after a try has failed: where it fails, the instance is to blame. Its first word is found likewise. */
  instanceCheck: v.optional(command),
  /** Free bytes on the disks that workers write to, below which the instance takes no more jobs and goes; 0: any will do. */
  minFreeDiskBytes: v.optional(count(0, LARGEST_VOLUME_BYTES), DEFAULT_MIN_FREE_DISK_BYTES),
  environment: v.optional(v.record(variableName, variableValue), {}),
  /** Whether workers get the attributes of their message, as `MAYFLY_MESSAGE_ATTRIBUTES`. */
  messageAttributes: v.optional(v.boolean('true or false'), false),
  /** ARN of the role whose credentials workers get. Without it they get none. */
  workerRole: v.optional(roleArn),
  /** Slots: how many workers run at once. */
  concurrency: v.optional(count(1, 1000), 1),
  /** The lease on a job: SQS's visibility timeout (whole seconds), renewed each third of it. */
  leaseSeconds: v.optional(count(2, LONGEST_VISIBILITY_SECONDS), 60),
  /** How long a worker may run, from its start. */
  limitSeconds: v.optional(seconds(1, LONGEST_VISIBILITY_SECONDS), 3600),
  /** The longest limit that a job may ask for. Absent: `limitSeconds`. */
  maxLimitSeconds: v.optional(seconds(1, LONGEST_VISIBILITY_SECONDS)),
  /** Between SIGTERM and SIGKILL. */
  graceSeconds: v.optional(seconds(0, 3600), 10),
  /** Tries that cost an attempt, before a job fails. */
  maxAttempts: v.optional(count(1, 900), 3),
  retryTimedOut: v.optional(v.boolean('true or false'), false),
  /** Before a job that failed is tried again: each wait is anything up to a bound (full jitter), which grows. */
  retryBackoff: v.optional(
    v.strictObject({
      /** The bound of the first wait. */
      firstSeconds: v.optional(seconds(0, LONGEST_VISIBILITY_SECONDS), DEFAULT_RETRY_BACKOFF.firstSeconds),
      /** What the bound is multiplied by after each wait. */
      factor: v.optional(number(1, 100), DEFAULT_RETRY_BACKOFF.factor),
      /** The bound of all waits. */
      longestSeconds: v.optional(
        seconds(0, LONGEST_VISIBILITY_SECONDS),
        DEFAULT_RETRY_BACKOFF.longestSeconds,
      ),
    }),
    {},
  ),
  /** Bounds the tries that cost nothing (EX_TEMPFAIL, interrupted): a job older than this fails. */
  maxJobAgeSeconds: v.optional(seconds(60, LONGEST_RETENTION_SECONDS), 345_600),
  /** How long a job's record outlives its end. */
  recordSeconds: v.optional(seconds(0, 315_360_000), LONGEST_RETENTION_SECONDS),
  /** After SIGTERM: how long running jobs may go on before they are stopped and handed back. */
  drainSeconds: v.optional(seconds(0, LONGEST_VISIBILITY_SECONDS), 90),
  retirement: v.optional(
    v.strictObject({
      /** How AWS bills this instance; `auto` is per second for all that this project launches by default. */
      billing: v.optional(
        v.picklist(['auto', 'per-second', 'per-hour'], 'one of auto, per-second, per-hour'),
        'auto',
      ),
      /** Idle time worth waiting for work; absent: what a boot of this instance took. */
      idleSeconds: v.optional(seconds(0, 86_400)),
      /** With hourly billing: how long before the end of a paid hour to go. */
      hourMarginSeconds: v.optional(seconds(1, 1800), 120),
      /** AWS's paid hour; shorter where a test cannot wait for one. */
      paidPeriodSeconds: v.optional(seconds(1, 3600), 3600),
      /** An instance older than this takes no new job. */
      maxAgeSeconds: v.optional(seconds(60, 31_536_000)),
      /**
       * How long AWS may refuse the agent what it cannot work without (messages, its table, the workers' role) before
       * the instance retires; an outage of AWS may last three times as long.
       */
      refusalSeconds: v.optional(seconds(0.1, 86_400), 300),
      /** Time budget of the ladder's rungs, together. */
      ladderSeconds: v.optional(seconds(1, 86_400), 600),
    }),
    {},
  ),
  launchHook: v.optional(text),
  terminationHook: v.optional(text),
  /** How often running jobs are looked up for somebody's wish to cancel them. */
  cancelSeconds: v.optional(seconds(0.1, 3600), 5),
  log: v.optional(
    v.strictObject({
      /** A chunk of a log is written when it is as long as this, or as old as `flushSeconds`. */
      chunkBytes: v.optional(count(4096, 64 * MIB), 2 * MIB),
      /** How long output of a running try may wait to be written; that of its first seconds waits shorter. */
      flushSeconds: v.optional(seconds(0.05, 3600), 5),
      /** Output that all jobs of the agent together hold in memory; beyond it their workers wait for the bucket. */
      bufferBytes: v.optional(count(64 * 1024, 1024 * MIB), 16 * MIB),
      /** How long a worker waits for a bucket that takes nothing, and the end of a job for its last chunks. */
      patienceSeconds: v.optional(seconds(0.1, 3600), 30),
      /** Output of a try that is kept, both streams together; beyond it the worker goes on, and its output is dropped. */
      maxBytes: v.optional(count(LONGEST_INLINE_LOG, LONGEST_LOG_BYTES), DEFAULT_MAX_LOG_BYTES),
    }),
    {},
  ),
  /** How often the instance says that it lives, and looks at its group. */
  reportSeconds: v.optional(seconds(1, 3600), 60),
  /** How often the metadata is asked for Auto Scaling's intent and Spot notices. */
  noticeSeconds: v.optional(seconds(0.1, 60), 5),
});

export type AgentConfig = v.InferOutput<typeof AgentConfigSchema>;
export type AgentConfigInput = v.InferInput<typeof AgentConfigSchema>;
