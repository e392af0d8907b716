import * as v from 'valibot';

const text = v.pipe(v.string(), v.nonEmpty());
const seconds = (min: number, max: number) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));
const count = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

/** SQS: a message can be invisible for at most 12 h after it was received ("Amazon SQS visibility timeout"). */
export const LONGEST_VISIBILITY_SECONDS = 12 * 60 * 60;

/**
 * What an agent is told, derived from the fleet's props and written by user-data to `/etc/mayfly/agent.json`.
 * Durations are seconds. A key that is not here is refused.
 */
export const AgentConfigSchema = v.strictObject({
  version: v.literal(1),
  /** Name of the fleet, for records and logs. */
  fleet: text,
  region: text,
  queueUrl: text,
  deadLetterQueueUrl: v.optional(text),
  /** The job table. Without it jobs are not tracked and retirements are recorded on the instance alone. */
  table: v.optional(text),
  /** False: the table holds instances, not jobs; attempts are then SQS's receive counts. */
  trackJobs: v.optional(v.boolean(), true),
  /** SSM parameter that holds what would make a cycle in the template (the group's and its policy's name). */
  fleetParameter: v.optional(text),
  /** The worker, as a vector: no shell. See docs/design.md for how its first word is found. */
  command: v.pipe(v.array(text), v.minLength(1)),
  environment: v.optional(v.record(v.string(), v.string()), {}),
  /** Slots: how many workers run at once. */
  concurrency: v.optional(count(1, 1000), 1),
  /** The lease on a job: SQS's visibility timeout, renewed each third of it. */
  leaseSeconds: v.optional(seconds(1, LONGEST_VISIBILITY_SECONDS), 60),
  /** How long a worker may run, from its start. */
  limitSeconds: v.optional(seconds(1, LONGEST_VISIBILITY_SECONDS), 3600),
  /** Between SIGTERM and SIGKILL. */
  graceSeconds: v.optional(seconds(0, 3600), 10),
  /** Tries that cost an attempt, before a job fails. */
  maxAttempts: v.optional(count(1, 900), 3),
  retryTimedOut: v.optional(v.boolean(), false),
  /** Bounds of the jittered exponential backoff before a job that failed runs again. */
  backoff: v.optional(v.strictObject({ initialSeconds: seconds(0, 3600), maxSeconds: seconds(0, 43_200) }), {
    initialSeconds: 5,
    maxSeconds: 900,
  }),
  /** Bounds the tries that cost nothing (EX_TEMPFAIL, interrupted): a job older than this fails. */
  maxJobAgeSeconds: v.optional(seconds(60, 1_209_600), 345_600),
  /** How long a job's record outlives its end. */
  recordSeconds: v.optional(seconds(0, 315_360_000), 1_209_600),
  /** After SIGTERM: how long running jobs may go on before they are stopped and handed back. */
  drainSeconds: v.optional(seconds(0, 43_200), 90),
  retirement: v.optional(
    v.strictObject({
      /** How AWS bills this instance; `auto` is per second for all that this project launches by default. */
      billing: v.optional(v.picklist(['auto', 'per-second', 'per-hour']), 'auto'),
      /** Idle time worth waiting for work; absent: what a boot of this instance took. */
      idleSeconds: v.optional(seconds(0, 86_400)),
      /** With hourly billing: how long before the end of a paid hour to go. */
      hourMarginSeconds: v.optional(seconds(10, 1800), 120),
      /** An instance older than this takes no new job. */
      maxAgeSeconds: v.optional(seconds(60, 31_536_000)),
      /** Time budget of the ladder's rungs, together. */
      ladderSeconds: v.optional(seconds(1, 86_400), 600),
    }),
    {},
  ),
  launchHook: v.optional(text),
  terminationHook: v.optional(text),
  /** How often the instance says that it lives, and looks at its group. */
  reportSeconds: v.optional(seconds(1, 3600), 60),
  /** How often the metadata is asked for Auto Scaling's intent and Spot notices. */
  noticeSeconds: v.optional(seconds(0.1, 60), 5),
  powerOffCommand: v.optional(v.pipe(v.array(text), v.minLength(1))),
});

export type AgentConfig = v.InferOutput<typeof AgentConfigSchema>;
export type AgentConfigInput = v.InferInput<typeof AgentConfigSchema>;
