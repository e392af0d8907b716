import * as v from 'valibot';
import { MAX_INLINE_LOG_BYTES } from '../../jobs/record.ts';
import {
  EBS_MAX_VOLUME_BYTES,
  SQS_MAX_RETENTION_SECONDS,
  SQS_MAX_VISIBILITY_SECONDS,
} from '../../lib/limits.ts';
import { count, countOrPercentage, number, seconds, text } from '../../lib/schema.ts';
import { DEFAULT_LANES } from '../../policy/groups/lanes.ts';
import {
  COMMAND_NAME,
  DEFAULT_MAX_LANES,
  DEFAULT_NOT_NOW_SECONDS,
  MOST_LANES,
} from '../../policy/groups/limits.ts';
import { secretsSchema } from './secret-config.ts';

// A program gets its arguments and variables as C strings: a NUL would end them early.
const withoutNul = (value: string) => !value.includes('\0');
const argument = v.pipe(text, v.check(withoutNul, 'a text without NUL'));

const queueUrl = v.pipe(
  text,
  v.url('the https URL of an SQS queue'),
  v.check((url) => !url.endsWith('.fifo'), 'the URL of a standard queue: FIFO queues are not supported'),
);

const roleArn = v.pipe(text, v.regex(/^arn:[\w-]+:iam::\d{12}:role\/.+$/, 'the ARN of an IAM role'));

const variableName = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    'a variable name of letters, digits and _ that does not begin with a digit',
  ),
  v.check(
    (name) => !name.startsWith('MAYFLY_'),
    'any name that does not begin with MAYFLY_, which the agent sets itself',
  ),
);
const variableValue = v.pipe(v.string('a text'), v.check(withoutNul, 'a text without NUL'));

const command = v.pipe(
  v.array(argument, 'a list of texts'),
  v.minLength(1, 'at least the name of a program'),
);

const commandName = v.pipe(
  v.string(),
  v.regex(COMMAND_NAME, 'a name of a letter, then letters, digits, _ and -, at most 64 characters'),
);

const MIB = 1024 * 1024;

/** Enough for the system itself: its journal, its packages, the agent's state. */
export const DEFAULT_MIN_FREE_DISK_BYTES = 256 * MIB;

/**
 * A log of this length costs about 2 cents a month in S3. A worker that prints without end would store hundreds of times
 * as much in an hour.
 */
export const DEFAULT_MAX_LOG_BYTES = 1024 * MIB;

export const LONGEST_LOG_BYTES = 1024 * 1024 * MIB;

/**
 * With three tries, nine jobs in ten survive an outage of two minutes of a service that the worker needs ("Failing over a
 * Multi-AZ DB instance for Amazon RDS": 60 to 120 seconds). On average the last try starts six minutes after the first.
 */
export const DEFAULT_RETRY_BACKOFF = { firstSeconds: 120, factor: 5, longestSeconds: 900 };

/**
 * The agent's configuration. It is derived from the fleet's props, and user-data writes it to `/etc/mayfly/agent.json`.
 * Durations are in seconds. Unknown keys are refused. A default here is for an agent.json that lacks the key; the defaults of
 * the props are in `infra/props/`.
 */
export const AgentConfigSchema = v.strictObject({
  version: v.literal(1, '1: the version that this agent reads'),
  /** Name of the fleet, for records and logs. */
  fleet: text,
  region: text,
  queueUrl,
  /** Without it a job that has failed for good stays in the queue and is tried again until its message expires. */
  deadLetterQueueUrl: v.optional(queueUrl),
  /** The job table. Without it jobs are not tracked, and retirements are recorded on the instance only. */
  table: v.optional(text),
  /**
   * For job logs that are too long for their records (`store/bucket-keys.ts`), for long bodies, and for the logs of
   * instances that break down. Without it, or without a table, a record keeps only the end of the job's output.
   */
  logBucket: v.optional(text),
  /** False: the table holds instances but no jobs. SQS's receive counts are then the attempts. */
  trackJobs: v.optional(v.boolean('true or false'), true),
  /** The worker's program and its arguments. No shell is involved. docs/workers.md says how the program is found. */
  command,
  /** Runs like a worker after a try has failed. If it fails too, the instance is unhealthy. Found like `command`. */
  instanceCheck: v.optional(command),
  /**
   * Commands that a job may name instead of `command`, by their names: health checks and roll-backs. A job never brings a
   * command line of its own. Found like `command`.
   */
  commands: v.optional(v.record(commandName, command), {}),
  /** With fewer free bytes on the disks that workers write to, the instance takes no more jobs and retires. 0: no check. */
  minFreeDiskBytes: v.optional(count(0, EBS_MAX_VOLUME_BYTES), DEFAULT_MIN_FREE_DISK_BYTES),
  environment: v.optional(v.record(variableName, variableValue), {}),
  /** Whether workers get their message's attributes, as `MAYFLY_MESSAGE_ATTRIBUTES`. */
  messageAttributes: v.optional(v.boolean('true or false'), false),
  /** ARN of the role whose credentials workers get. Without it they get none. */
  workerRole: v.optional(roleArn),
  /** Secrets of the workers, by their environment variables. Read with the workers' role when a job starts. */
  secrets: v.optional(secretsSchema, {}),
  /** Slots: how many workers run at once. */
  concurrency: v.optional(count(1, 1000), 1),
  /** The lease on a job: SQS's visibility timeout in whole seconds. It is renewed after each third of it. */
  leaseSeconds: v.optional(count(2, SQS_MAX_VISIBILITY_SECONDS), 60),
  /** How long a worker may run, from its start. */
  limitSeconds: v.optional(seconds(1, SQS_MAX_VISIBILITY_SECONDS), 3600),
  /** The longest limit that a job may ask for. Absent: `limitSeconds`. */
  maxLimitSeconds: v.optional(seconds(1, SQS_MAX_VISIBILITY_SECONDS)),
  /** Between SIGTERM and SIGKILL. */
  graceSeconds: v.optional(seconds(0, 3600), 10),
  /** How many tries that cost an attempt a job gets before it fails. */
  maxAttempts: v.optional(count(1, 900), 3),
  retryTimedOut: v.optional(v.boolean('true or false'), false),
  /** The wait before a failed job is tried again: a random time up to a bound that grows (full jitter). */
  retryBackoff: v.optional(
    v.strictObject({
      /** The bound of the first wait. */
      firstSeconds: v.optional(seconds(0, SQS_MAX_VISIBILITY_SECONDS), DEFAULT_RETRY_BACKOFF.firstSeconds),
      /** What the bound is multiplied by after each wait. */
      factor: v.optional(number(1, 100), DEFAULT_RETRY_BACKOFF.factor),
      /** The bound of all waits. */
      longestSeconds: v.optional(
        seconds(0, SQS_MAX_VISIBILITY_SECONDS),
        DEFAULT_RETRY_BACKOFF.longestSeconds,
      ),
    }),
    {},
  ),
  /** A job older than this fails. Bounds the tries that cost no attempt (EX_TEMPFAIL, interrupted). */
  maxJobAgeSeconds: v.optional(seconds(60, SQS_MAX_RETENTION_SECONDS), 345_600),
  /** How long a job's record outlives its end. */
  recordSeconds: v.optional(seconds(0, 315_360_000), SQS_MAX_RETENTION_SECONDS),
  /** How long running jobs may go on after SIGTERM, before they are stopped and requeued. */
  drainSeconds: v.optional(seconds(0, SQS_MAX_VISIBILITY_SECONDS), 90),
  retirement: v.optional(
    v.strictObject({
      /** How AWS bills this instance. `auto` is per second for everything that this project launches by default. */
      billing: v.optional(
        v.picklist(['auto', 'per-second', 'per-hour'], 'one of auto, per-second, per-hour'),
        'auto',
      ),
      /** How long an idle instance waits for work. Absent: as long as its boot took. */
      idleSeconds: v.optional(seconds(0, 86_400)),
      /** With hourly billing: how long before the end of a paid hour an idle instance retires. */
      hourMarginSeconds: v.optional(seconds(1, 1800), 120),
      /** The paid hour of hourly billing. Shorter in tests. */
      paidPeriodSeconds: v.optional(seconds(1, 3600), 3600),
      /** An instance older than this takes no new job. */
      maxAgeSeconds: v.optional(seconds(60, 31_536_000)),
      /**
       * How long AWS may refuse the agent a call that it cannot work without (messages, its table, the workers' role,
       * their secrets) before the instance retires. An outage of AWS may last three times as long.
       */
      refusalSeconds: v.optional(seconds(0.1, 86_400), 300),
      /** Time budget for all steps of the escalation together. */
      ladderSeconds: v.optional(seconds(1, 86_400), 600),
    }),
    {},
  ),
  /** Jobs that must not all run at once (`group` of a job). */
  groups: v.optional(
    v.strictObject({
      /** The lanes of a group for which nobody has set them: a number, or a percentage of the group's size. */
      lanes: v.optional(countOrPercentage(MOST_LANES), DEFAULT_LANES),
      /** The most lanes that a group may have. */
      maxLanes: v.optional(count(1, MOST_LANES), DEFAULT_MAX_LANES),
      /** The longest time that a health check may ask for. Absent: `maxLimitSeconds`. */
      checkLimitSeconds: v.optional(seconds(1, SQS_MAX_VISIBILITY_SECONDS)),
      /** How long the worker of a job of a group may exit with 75, from the first time on. */
      notNowLimitSeconds: v.optional(seconds(1, 86_400), DEFAULT_NOT_NOW_SECONDS),
    }),
    {},
  ),
  launchHook: v.optional(text),
  terminationHook: v.optional(text),
  /** How often the table is asked for requests to cancel running jobs. */
  cancelSeconds: v.optional(seconds(0.1, 3600), 5),
  log: v.optional(
    v.strictObject({
      /** A chunk of a log is written when it has this length, or is as old as `flushSeconds`. */
      chunkBytes: v.optional(count(4096, 64 * MIB), 2 * MIB),
      /** How long output of a running try may wait to be written. In the first seconds of the try it waits shorter. */
      flushSeconds: v.optional(seconds(0.05, 3600), 5),
      /** Output that all jobs of the agent together hold in memory. Beyond it their workers wait for the bucket. */
      bufferBytes: v.optional(count(64 * 1024, 1024 * MIB), 16 * MIB),
      /** How long a worker waits for a bucket that accepts nothing, and the end of a job for its last chunks. */
      patienceSeconds: v.optional(seconds(0.1, 3600), 30),
      /** How much output of a try is kept, both streams together. Beyond it output is dropped; the worker goes on. */
      maxBytes: v.optional(count(MAX_INLINE_LOG_BYTES, LONGEST_LOG_BYTES), DEFAULT_MAX_LOG_BYTES),
    }),
    {},
  ),
  /** How often the instance reports that it lives, and describes its group. */
  reportSeconds: v.optional(seconds(1, 3600), 60),
  /** How often the agent reads the target lifecycle state and Spot notices from the metadata. */
  noticeSeconds: v.optional(seconds(0.1, 60), 5),
});

export type AgentConfig = v.InferOutput<typeof AgentConfigSchema>;
export type AgentConfigInput = v.InferInput<typeof AgentConfigSchema>;
