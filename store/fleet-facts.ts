import * as v from 'valibot';
import { DEFAULT_BOOT_BUDGET_SECONDS, DEFAULT_SILENT_SECONDS } from '../policy/zombies.ts';

const text = v.pipe(v.string('a text'), v.nonEmpty('a text that is not empty'));
const number = v.number('a number');

/**
 * What others have to know of a deployed fleet. The stack leaves it as JSON in the SSM parameter
 * `/mayfly/<stack>/<fleet>`. A key that is not here is for a later version to know. Durations are seconds.
 */
export const FleetFactsSchema = v.object({
  version: v.literal(1, '1: the version that this command reads'),
  /** `<stack>/<fleet>`. */
  fleet: text,
  region: text,
  queueUrl: text,
  deadLetterQueueUrl: v.optional(text),
  table: text,
  logBucket: text,
  group: text,
  policyArn: v.optional(text),
  /** False: the table knows instances, but no jobs. */
  trackJobs: v.optional(v.boolean(), true),
  concurrency: v.optional(number, 1),
  /** The sizes of the group. Durations and numbers of `scaleOut` are those of the prop. */
  minCapacity: v.optional(number),
  maxCapacity: v.optional(number),
  /** Absent, like what else a later version says: of a fleet that was deployed before. */
  scaleOut: v.optional(
    v.object({
      threshold: number,
      durationSeconds: number,
      jobsPerInstance: number,
      warmUpSeconds: number,
    }),
  ),
  leaseSeconds: v.optional(number, 60),
  limitSeconds: v.optional(number, 3600),
  /** Absent: of a fleet that was deployed before there was one, any that SQS allows; of one that is named, unknown. */
  maxLimitSeconds: v.optional(number),
  graceSeconds: v.optional(number, 10),
  maxAttempts: v.optional(number, 3),
  /** How long the queue keeps a message, and the table the record of a job that has ended. */
  retentionSeconds: v.optional(number, 1_209_600),
  recordSeconds: v.optional(number, 1_209_600),
  bootBudgetSeconds: v.optional(number, DEFAULT_BOOT_BUDGET_SECONDS),
  silentSeconds: v.optional(number, DEFAULT_SILENT_SECONDS),
  /** Names, for who looks after the fleet. */
  backlogAlarm: v.optional(text),
  bootBreakerAlarm: v.optional(text),
  keeperFunction: v.optional(text),
  /** ARN of the topic that the boot breaker's alarm tells; absent: it tells none. */
  alarmTopic: v.optional(text),
  /** It has a set-up of its owner's. */
  setup: v.optional(v.boolean(), false),
  launchHook: v.optional(text),
  terminationHook: v.optional(text),
  /** Its heartbeat time-out. That of the launch hook is `bootBudgetSeconds`. */
  terminationHookSeconds: v.optional(number),
});

export type FleetFacts = v.InferOutput<typeof FleetFactsSchema>;
export type FleetFactsInput = v.InferInput<typeof FleetFactsSchema>;
