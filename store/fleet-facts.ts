import * as v from 'valibot';
import { SQS_MAX_RETENTION_SECONDS } from '../lib/limits.ts';
import { countOrPercentage, text } from '../lib/schema.ts';
import { DEFAULT_BOOT_BUDGET_SECONDS, DEFAULT_SILENT_SECONDS } from '../policy/silent-instances.ts';

const number = v.number('a number');

/**
 * What clients need to know about a deployed fleet. The stack writes it as JSON to the SSM parameter
 * `/mayfly/<stack>/<fleet>`. Unknown keys are ignored: a later version may add some. Durations are seconds.
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
  /** False: the table has instances but no jobs. */
  trackJobs: v.optional(v.boolean(), true),
  concurrency: v.optional(number, 1),
  /** The sizes of the group. `scaleOut` has the values of the prop. */
  minCapacity: v.optional(number),
  maxCapacity: v.optional(number),
  /** Absent, like every key that a later version added: an earlier version deployed the fleet. */
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
  /**
   * Absent: an earlier version deployed the fleet, which allows any limit that SQS allows, or the fleet was found by names
   * and the limit is unknown.
   */
  maxLimitSeconds: v.optional(number),
  graceSeconds: v.optional(number, 10),
  maxAttempts: v.optional(number, 3),
  /** The services that have the secrets of the workers, by their names in endpoints. */
  secretServices: v.optional(v.array(text), []),
  /** The names of the prop `commands`, which a job may name. Not their command lines. */
  commands: v.optional(v.array(text), []),
  /** Absent: an earlier version deployed the fleet, whose agents keep the jobs of no group apart. */
  groups: v.optional(
    v.object({
      /** Of a group for which nobody has set them: a number, or a percentage of its size, such as `25%`. */
      lanes: countOrPercentage(Number.MAX_SAFE_INTEGER),
      maxLanes: number,
      /** The longest time that a health check may ask for. */
      checkLimitSeconds: number,
      /** How long the worker of a job of a group may exit with 75. */
      notNowLimitSeconds: number,
    }),
  ),
  /** How long the queue keeps a message, and the table the record of a job that has ended. */
  retentionSeconds: v.optional(number, SQS_MAX_RETENTION_SECONDS),
  recordSeconds: v.optional(number, SQS_MAX_RETENTION_SECONDS),
  bootBudgetSeconds: v.optional(number, DEFAULT_BOOT_BUDGET_SECONDS),
  silentSeconds: v.optional(number, DEFAULT_SILENT_SECONDS),
  /** Names, for operators. */
  backlogAlarm: v.optional(text),
  bootBreakerAlarm: v.optional(text),
  keeperFunction: v.optional(text),
  /** ARN of the topic that the boot breaker's alarm notifies. Absent: it notifies none. */
  alarmTopic: v.optional(text),
  /** Its owner has added a set-up. */
  setup: v.optional(v.boolean(), false),
  launchHook: v.optional(text),
  terminationHook: v.optional(text),
  /** Its heartbeat timeout. That of the launch hook is `bootBudgetSeconds`. */
  terminationHookSeconds: v.optional(number),
});

export type FleetFacts = v.InferOutput<typeof FleetFactsSchema>;
export type FleetFactsInput = v.InferInput<typeof FleetFactsSchema>;
