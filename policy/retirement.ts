/**
 * When an instance retires, and why: a pure decision by what the agent knows of the instance, its group and AWS's
 * notices.
 */

import { type Billing, HOUR_MS, paidUntilMs } from './billing.ts';
import { isWaitingForAws, type RefusalKind, type RefusalReason, type Refusals } from './refusal.ts';

/** The boot time that is assumed if it is unknown. */
export const DEFAULT_BOOT_MS = 180_000;
/** Bounds of the idle time that follows from the boot time. */
const MIN_IDLE_MS = 30_000;
export const MAX_IDLE_MS = 900_000;
/** How long an agent that cannot see its group waits after a refusal at the group's minimum before it asks again. */
export const MINIMUM_RETRY_MS = 300_000;

/** The reasons of this policy. Others, such as a crash or a failed boot, are detected elsewhere. */
export type Reason =
  | 'idle'
  | 'paid-hour'
  | 'max-age'
  | 'spot-interruption'
  | 'rebalance'
  | 'auto-scaling'
  | 'group-deleted'
  | 'surplus'
  /** An operator has requested it. */
  | 'drained'
  | BrokenReason;

/**
 * Why an instance is broken. A broken instance takes no new job and retires, even if jobs wait:
 *
 * - `worker-missing`: the worker's program cannot be started.
 * - `disk-full`: the disk that the workers write to has less free space than the fleet requires.
 * - `unhealthy`: the fleet's `instanceCheck` failed after a job had failed.
 * - `cannot-...`: AWS refused for too long a call that the agent cannot work without (`broken.ts`).
 */
export type BrokenReason = 'worker-missing' | 'disk-full' | 'unhealthy' | RefusalReason;

export const BROKEN_REASONS: ReadonlySet<string> = new Set<BrokenReason>([
  'worker-missing',
  'disk-full',
  'unhealthy',
  'cannot-receive',
  'cannot-use-table',
  'cannot-assume-worker-role',
  'cannot-read-secrets',
]);

export interface Broken {
  reason: BrokenReason;
  /** What is wrong, for a person. For a refusal it is the error of AWS. */
  problem: string;
  /** The kind of the refusal, if AWS refused a call. */
  refusal?: RefusalKind;
  /** With `unhealthy`: the job after whose failure `instanceCheck` failed. That job may be the cause. */
  job?: string;
}

export interface RetirementFacts {
  /** Time since launch. */
  ageMs: number;
  /** Time since the last job. Undefined while there is one. */
  idleMs?: number | undefined;
  /** Time from launch to ready. Undefined: unknown. */
  bootMs?: number | undefined;
  /** Why the instance is broken. Undefined: it is not. */
  broken?: BrokenReason | undefined;
  /** Calls that AWS refuses now, and whether it has answered a receive since the agent started. */
  refusals?: Refusals;
  received?: boolean;
  /** The fleet is paused: the agent receives nothing, and refusals do not count. */
  paused?: boolean;
  /** An operator has requested that it finishes its jobs and retires. */
  drainRequested?: boolean;
  /** Notices of AWS in the instance's metadata. */
  spotInterruption?: boolean;
  rebalanceRecommended?: boolean;
  targetState?: string | undefined;
  group?: GroupFacts | undefined;
  /** Time since Auto Scaling refused to go below the group's minimum. Undefined: it never did. */
  refusedMs?: number | undefined;
}

export interface GroupFacts {
  minSize: number;
  maxSize: number;
  desired: number;
  /** Whether this instance is one of those beyond the desired capacity. */
  surplus: boolean;
  /** The group does not have this instance any more, so its minimum does not matter. */
  detached?: boolean;
}

export interface RetirementRules {
  billing: Billing;
  /** How long an idle instance waits for work. Undefined: as long as its boot took. */
  idleMs?: number | undefined;
  /** With hourly billing: the billed period, by default an hour. */
  paidPeriodMs?: number | undefined;
  hourMarginMs: number;
  maxAgeMs?: number | undefined;
}

/**
 * `leave`: retire even if jobs wait. Take no new job, and let running ones end. `retire`: retire if a last receive
 * finds the queue empty. `stay`: decide again after `againInMs` if nothing changes before. Without it, decide again at
 * a change only.
 */
export type RetirementDecision =
  | { kind: 'leave'; reason: Reason }
  | { kind: 'retire'; reason: Reason }
  | { kind: 'stay'; againInMs?: number };

export function decideRetirement(facts: RetirementFacts, rules: RetirementRules): RetirementDecision {
  // "TerminateInstanceInAutoScalingGroup": cannot be called on instances in a warm pool.
  if (isWarmPoolState(facts.targetState)) return { kind: 'stay' };
  const must = mustLeave(facts, rules);
  if (must) return { kind: 'leave', reason: must };
  if (facts.idleMs === undefined) return untilMaxAge(facts, rules, undefined);
  if (facts.group?.surplus) return { kind: 'retire', reason: 'surplus' };
  if (isKeptFromWork(facts)) return untilMaxAge(facts, rules, undefined);
  const refusal = atMinimum(facts);
  if (refusal) return untilMaxAge(facts, rules, refusal.againInMs);
  if (facts.rebalanceRecommended) return { kind: 'retire', reason: 'rebalance' };
  const leftMs = idleLeftMs(facts.idleMs, facts, rules);
  if (leftMs > 0) return untilMaxAge(facts, rules, leftMs);
  return { kind: 'retire', reason: rules.billing === 'per-hour' ? 'paid-hour' : 'idle' };
}

function mustLeave(facts: RetirementFacts, rules: RetirementRules): Reason | undefined {
  // While jobs run, a notice of AWS takes precedence: its deadline is shorter.
  if (facts.broken && facts.idleMs !== undefined) return facts.broken;
  if (facts.spotInterruption) return 'spot-interruption';
  if (isTerminatingState(facts.targetState)) return 'auto-scaling';
  if (facts.broken) return facts.broken;
  if (facts.group?.maxSize === 0) return 'group-deleted';
  if (facts.drainRequested) return 'drained';
  if (rules.maxAgeMs !== undefined && facts.ageMs >= rules.maxAgeMs) return 'max-age';
  return undefined;
}

/**
 * Whether Auto Scaling terminates the instance, in the group or in its warm pool ("Retrieve the target lifecycle state
 * through instance metadata").
 */
export function isTerminatingState(targetState: string | undefined): boolean {
  return targetState === 'Terminated' || targetState === 'Warmed:Terminated';
}

/** Whether the instance stays in a warm pool: `Warmed:Running`, `Warmed:Stopped`, `Warmed:Hibernated`. */
export function isWarmPoolState(targetState: string | undefined): boolean {
  return (targetState?.startsWith('Warmed:') ?? false) && !isTerminatingState(targetState);
}

/**
 * Whether the instance has no job because AWS refuses a call. It stays until AWS answers, or until it counts as broken.
 */
function isKeptFromWork({ refusals = {}, received = true, paused = false }: RetirementFacts): boolean {
  return !paused && isWaitingForAws(refusals, received);
}

/** A group at its minimum refuses the termination, so the agent does not ask before the group has grown. */
function atMinimum({ group, refusedMs }: RetirementFacts): { againInMs?: number } | undefined {
  if (group) return !group.detached && group.desired <= group.minSize ? {} : undefined;
  if (refusedMs === undefined || refusedMs >= MINIMUM_RETRY_MS) return undefined;
  return { againInMs: MINIMUM_RETRY_MS - refusedMs };
}

/** How much longer an idle instance is kept. 0 or less: it is not. */
function idleLeftMs(idleMs: number, facts: RetirementFacts, rules: RetirementRules): number {
  const { ageMs } = facts;
  if (rules.billing === 'per-hour') {
    return paidUntilMs(ageMs, 'per-hour', rules.paidPeriodMs) - rules.hourMarginMs - ageMs;
  }
  if (rules.idleMs !== undefined) return rules.idleMs - idleMs;
  return Math.max(idleLimitMs(facts.bootMs) - idleMs, paidUntilMs(ageMs, 'per-second') - ageMs);
}

/** With billing per second, waiting longer than a boot takes costs more than the boot of a new instance. */
export function idleLimitMs(bootMs: number | undefined): number {
  return Math.min(MAX_IDLE_MS, Math.max(MIN_IDLE_MS, bootMs ?? DEFAULT_BOOT_MS));
}

function untilMaxAge(
  facts: RetirementFacts,
  rules: RetirementRules,
  againInMs: number | undefined,
): RetirementDecision {
  const times = [againInMs, rules.maxAgeMs === undefined ? undefined : rules.maxAgeMs - facts.ageMs];
  const known = times.filter((time) => time !== undefined);
  // An hour at most: timers beyond 24 days overflow, and another decision costs nothing.
  return known.length === 0 ? { kind: 'stay' } : { kind: 'stay', againInMs: Math.min(HOUR_MS, ...known) };
}
