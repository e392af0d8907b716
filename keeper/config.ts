import * as v from 'valibot';
import { DEFAULT_BOOT_BUDGET_SECONDS, DEFAULT_SILENT_SECONDS } from '../policy/zombies.ts';

/** A schema's message says what is allowed: it ends the sentence of a refusal. */
const text = v.pipe(v.string('a text'), v.nonEmpty('a text that is not empty'));

function seconds(min: number, max: number) {
  const allowed = `a number of seconds from ${min} to ${max}`;
  return v.pipe(v.number(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
}

function count(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
}

/**
 * What the keeper is told: JSON in the environment variable `KEEPER_CONFIG` of its function. Durations are seconds.
 * A key that is not here is refused. Region, credentials and endpoints are found as any AWS SDK finds them.
 */
export const KeeperConfigSchema = v.strictObject({
  version: v.literal(1, '1: the version that this keeper reads'),
  /** Name of the fleet, for logs and as the dimension `Fleet` of its metrics. */
  fleet: text,
  groupName: text,
  /** The step-scaling policy, by ARN: what the keeper executes to wake the fleet. */
  policyArn: text,
  queueUrl: text,
  table: text,
  /** Where instances give a sign of life that cannot report to the table. Absent: silence alone is proof. */
  logBucket: v.optional(text),
  /** The alarm's threshold (visible messages) and how long they must have been there before it fires. */
  threshold: count(1, 1_000_000),
  durationSeconds: seconds(1, 86_400),
  /** From launch to ready: an instance that is older and was never heard of is ended. */
  bootBudgetSeconds: v.optional(seconds(10, 86_400), DEFAULT_BOOT_BUDGET_SECONDS),
  /** An instance that was heard of once and then not for this long is ended. */
  silentSeconds: v.optional(seconds(10, 86_400), DEFAULT_SILENT_SECONDS),
  /** Boots that fail in a row before `Launch` is suspended. */
  breakerFailures: v.optional(count(1, 100), 3),
  /** Whether the group has a warm pool, whose instances are to be left alone. */
  warmPool: v.optional(v.boolean('true or false'), false),
  /** Hooks that the keeper completes for instances that cannot do it themselves any more. */
  launchHook: v.optional(text),
  terminationHook: v.optional(text),
  /** The queue's message retention: a job older than this has no message any more that could bring it back. */
  retentionSeconds: v.optional(seconds(60, 1_209_600), 1_209_600),
  /** How long the records of ended jobs and retired instances are kept. */
  recordSeconds: v.optional(seconds(0, 315_360_000), 1_209_600),
});

export type KeeperConfig = v.InferOutput<typeof KeeperConfigSchema>;
export type KeeperConfigInput = v.InferInput<typeof KeeperConfigSchema>;

/** Throws an `Error` that names every wrong key, its value and what is allowed. */
export function readKeeperConfig(json: string | undefined): KeeperConfig {
  if (json === undefined)
    throw new Error('KEEPER_CONFIG is not set: it must hold the keeper’s configuration');
  const result = v.safeParse(KeeperConfigSchema, parse(json));
  if (result.success) return result.output;
  throw new Error(['KEEPER_CONFIG is refused:', ...result.issues.map(describe)].join('\n  '));
}

function describe(issue: v.InferIssue<typeof KeeperConfigSchema>): string {
  const key = v.getDotPath(issue) ?? '(all of it)';
  if (issue.type !== 'strict_object') {
    return `${key} is ${JSON.stringify(issue.input)}; allowed is ${issue.message}`;
  }
  return issue.expected === 'never' ? `${key} is not a key that is known` : `${key} is missing`;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new Error(`KEEPER_CONFIG is not JSON: ${json.slice(0, 80)}`, { cause });
  }
}
