import * as v from 'valibot';
import { SQS_MAX_RETENTION_SECONDS } from '../lib/limits.ts';
import { count, countOrPercentage, seconds, text } from '../lib/schema.ts';
import { DEFAULT_LANES } from '../policy/groups/lanes.ts';
import { DEFAULT_MAX_LANES, MOST_LANES } from '../policy/groups/limits.ts';
import { DEFAULT_BOOT_BUDGET_SECONDS, DEFAULT_SILENT_SECONDS } from '../policy/silent-instances.ts';

/**
 * The keeper's configuration: JSON in the environment variable `KEEPER_CONFIG` of its function. Durations are seconds.
 * An unknown key is an error. Region, credentials and endpoints come from where AWS SDKs look for them.
 */
export const KeeperConfigSchema = v.strictObject({
  version: v.literal(1, '1: the version that this keeper reads'),
  /** Name of the fleet, for logs and as the dimension `Fleet` of its metrics. */
  fleet: text,
  groupName: text,
  /** ARN of the step-scaling policy, which the keeper executes if the alarm is late. */
  policyArn: text,
  queueUrl: text,
  table: text,
  /** Instances that cannot report to the table write a heartbeat here. Absent: only reports in the table count. */
  logBucket: v.optional(text),
  /** The alarm's threshold (visible messages), and how long the queue has to exceed it before the alarm fires. */
  threshold: count(1, 1_000_000),
  durationSeconds: seconds(1, 86_400),
  /** The longest time from launch to ready. An older instance that never reported is ended. */
  bootBudgetSeconds: v.optional(seconds(10, 86_400), DEFAULT_BOOT_BUDGET_SECONDS),
  /** An instance that has reported before, and then not for this long, is ended. */
  silentSeconds: v.optional(seconds(10, 86_400), DEFAULT_SILENT_SECONDS),
  /** Boots that fail in a row before `Launch` is suspended. */
  breakerFailures: v.optional(count(1, 100), 3),
  /** Whether the group has a warm pool. Its instances are not ended. */
  warmPool: v.optional(v.boolean('true or false'), false),
  /** The lanes of a group for which nobody has set them, and the most that a group may have. */
  lanes: v.optional(countOrPercentage(MOST_LANES), DEFAULT_LANES),
  maxLanes: v.optional(count(1, MOST_LANES), DEFAULT_MAX_LANES),
  /** Lifecycle hooks that the keeper completes for instances whose agent cannot. */
  launchHook: v.optional(text),
  terminationHook: v.optional(text),
  /** The queue's message retention: a job older than this has no message any more that could bring it back. */
  retentionSeconds: v.optional(seconds(60, SQS_MAX_RETENTION_SECONDS), SQS_MAX_RETENTION_SECONDS),
  /** How long the records of ended jobs and retired instances are kept. */
  recordSeconds: v.optional(seconds(0, 315_360_000), SQS_MAX_RETENTION_SECONDS),
});

export type KeeperConfig = v.InferOutput<typeof KeeperConfigSchema>;
export type KeeperConfigInput = v.InferInput<typeof KeeperConfigSchema>;

/** Throws an `Error` that names every wrong key, its value and what is allowed. */
export function readKeeperConfig(json: string | undefined): KeeperConfig {
  if (json === undefined)
    throw new Error('KEEPER_CONFIG is not set: it must hold the keeper’s configuration');
  const result = v.safeParse(KeeperConfigSchema, parse(json));
  if (result.success) return result.output;
  throw new Error(['KEEPER_CONFIG is not valid:', ...result.issues.map(describeIssue)].join('\n  '));
}

function describeIssue(issue: v.InferIssue<typeof KeeperConfigSchema>): string {
  const key = v.getDotPath(issue) ?? '(the whole value)';
  if (issue.type !== 'strict_object') {
    return `${key} is ${JSON.stringify(issue.input)}; allowed is ${issue.message}`;
  }
  return issue.expected === 'never' ? `${key} is not a known key` : `${key} is missing`;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new Error(`KEEPER_CONFIG is not JSON: ${json.slice(0, 80)}`, { cause });
  }
}
