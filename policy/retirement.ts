/** When an instance goes, and why: a pure decision over what the agent knows of itself, its group and AWS's wishes. */

import { type Billing, HOUR_MS, paidUntilMs } from './billing.ts';
import { type RefusalKind, type RefusalReason, type Refusals, waitsForAws } from './refusal.ts';

/** Idle time worth keeping an instance for whose boot time is unknown. */
export const UNKNOWN_BOOT_MS = 180_000;
/** However fast or slow the boot was, idle time stays within these bounds. */
export const LEAST_IDLE_MS = 30_000;
export const MOST_IDLE_MS = 900_000;
/** After a refusal at the group's minimum, before it is asked again by an agent that cannot see its group. */
export const ASK_AGAIN_MS = 300_000;

/** The reasons this policy knows; a crash or a failed boot is noticed elsewhere. */
export type Reason =
  | 'idle'
  | 'paid-hour'
  | 'max-age'
  | 'spot-interruption'
  | 'rebalance'
  | 'auto-scaling'
  | 'group-deleted'
  | 'surplus'
  /** An operator has asked for it. */
  | 'drained'
  | BrokenReason;

/**
 * What makes an instance of no use. It takes no new job and goes, whatever the queue holds:
 *
 * - `worker-missing`: the worker's program cannot be started.
 * - `disk-full`: the disk that the workers write to has less free space than the fleet asks for.
 * - `unhealthy`: the fleet's `instanceCheck` failed after a job had failed.
 * - `cannot-...`: AWS refused the agent what it cannot work without, for too long (`broken.ts`).
 */
export type BrokenReason = 'worker-missing' | 'disk-full' | 'unhealthy' | RefusalReason;

export const BROKEN_REASONS: ReadonlySet<string> = new Set<BrokenReason>([
  'worker-missing',
  'disk-full',
  'unhealthy',
  'cannot-receive',
  'cannot-use-table',
  'cannot-assume-worker-role',
]);

export interface Broken {
  reason: BrokenReason;
  /** What is wrong, for a person: of a refusal AWS's own words. */
  problem: string;
  /** Of a refusal, of what kind it was. */
  refusal?: RefusalKind;
  /** Of an unhealthy instance the job after whose failure `instanceCheck` failed: that job may be the cause. */
  job?: string;
}

export interface InstanceFacts {
  /** Since launch. */
  ageMs: number;
  /** Since there was a job; undefined while there is one. */
  idleMs?: number | undefined;
  /** What the boot took, from launch to ready; undefined if unknown. */
  bootMs?: number | undefined;
  /** Why the instance is of no use; undefined while it is of use. */
  broken?: BrokenReason | undefined;
  /** Calls that AWS does not answer now, and whether it has answered a receive since the agent's start. */
  refusals?: Refusals;
  received?: boolean;
  /** The fleet is: nothing is received, and what AWS refuses is of no account. */
  paused?: boolean;
  /** An operator wants it to let its jobs end and go. */
  drainRequested?: boolean;
  /** What AWS said through the instance's metadata. */
  spotInterruption?: boolean;
  rebalanceRecommended?: boolean;
  targetState?: string | undefined;
  group?: GroupFacts | undefined;
  /** Since the group refused to go below its minimum; undefined if it never did. */
  refusedMs?: number | undefined;
}

export interface GroupFacts {
  minSize: number;
  maxSize: number;
  desired: number;
  /** Whether this instance is one of those that run beyond the desired number. */
  surplus: boolean;
  /** The group does not have this instance any more: whether it is at its minimum is of no account. */
  detached?: boolean;
}

export interface RetirementRules {
  billing: Billing;
  /** Idle time worth waiting for work; undefined: what the boot cost. */
  idleMs?: number | undefined;
  /** With hourly billing: what is billed as one, an hour by default. */
  paidPeriodMs?: number | undefined;
  hourMarginMs: number;
  maxAgeMs?: number | undefined;
}

/**
 * `leave` goes whatever the queue holds: no new job, running ones may end. `retire` goes if the queue is empty at a
 * last look. `stay` says when to decide again if nothing changes before; without a time only a change can matter.
 */
export type Decision =
  | { kind: 'leave'; reason: Reason }
  | { kind: 'retire'; reason: Reason }
  | { kind: 'stay'; againInMs?: number };

export function decide(facts: InstanceFacts, rules: RetirementRules): Decision {
  // "TerminateInstanceInAutoScalingGroup": cannot be called on instances in a warm pool.
  if (isPooled(facts.targetState)) return { kind: 'stay' };
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

function mustLeave(facts: InstanceFacts, rules: RetirementRules): Reason | undefined {
  // Jobs that still run have AWS's deadline, if there is one: it is the shorter one.
  if (facts.broken && facts.idleMs !== undefined) return facts.broken;
  if (facts.spotInterruption) return 'spot-interruption';
  if (isEnding(facts.targetState)) return 'auto-scaling';
  if (facts.broken) return facts.broken;
  if (facts.group?.maxSize === 0) return 'group-deleted';
  if (facts.drainRequested) return 'drained';
  if (rules.maxAgeMs !== undefined && facts.ageMs >= rules.maxAgeMs) return 'max-age';
  return undefined;
}

/**
 * Whether Auto Scaling ends the instance, in the group or in its warm pool ("Retrieve the target lifecycle state
 * through instance metadata").
 */
export function isEnding(targetState: string | undefined): boolean {
  return targetState === 'Terminated' || targetState === 'Warmed:Terminated';
}

/** Whether the instance is in a warm pool, to stay there: `Warmed:Running`, `Warmed:Stopped`, `Warmed:Hibernated`. */
export function isPooled(targetState: string | undefined): boolean {
  return (targetState?.startsWith('Warmed:') ?? false) && !isEnding(targetState);
}

/** Without a job, but for another reason than a lack of jobs: it stays until AWS answers, or until it is broken. */
function isKeptFromWork({ refusals = {}, received = true, paused = false }: InstanceFacts): boolean {
  return !paused && waitsForAws(refusals, received);
}

/** A group at its minimum would refuse: asking is spared until it has grown. */
function atMinimum({ group, refusedMs }: InstanceFacts): { againInMs?: number } | undefined {
  if (group) return !group.detached && group.desired <= group.minSize ? {} : undefined;
  if (refusedMs === undefined || refusedMs >= ASK_AGAIN_MS) return undefined;
  return { againInMs: ASK_AGAIN_MS - refusedMs };
}

/** How much longer an idle instance is worth keeping; 0 or less: no longer. */
function idleLeftMs(idleMs: number, facts: InstanceFacts, rules: RetirementRules): number {
  const { ageMs } = facts;
  if (rules.billing === 'per-hour') {
    return paidUntilMs(ageMs, 'per-hour', rules.paidPeriodMs) - rules.hourMarginMs - ageMs;
  }
  if (rules.idleMs !== undefined) return rules.idleMs - idleMs;
  return Math.max(worthWaitingMs(facts.bootMs) - idleMs, paidUntilMs(ageMs, 'per-second') - ageMs);
}

/** Billed per second, an idle instance is worth what it costs to boot the next one. */
export function worthWaitingMs(bootMs: number | undefined): number {
  return Math.min(MOST_IDLE_MS, Math.max(LEAST_IDLE_MS, bootMs ?? UNKNOWN_BOOT_MS));
}

function untilMaxAge(facts: InstanceFacts, rules: RetirementRules, againInMs: number | undefined): Decision {
  const times = [againInMs, rules.maxAgeMs === undefined ? undefined : rules.maxAgeMs - facts.ageMs];
  const known = times.filter((time) => time !== undefined);
  // An hour at most: timers beyond 24 days overflow, and deciding again costs nothing.
  return known.length === 0 ? { kind: 'stay' } : { kind: 'stay', againInMs: Math.min(HOUR_MS, ...known) };
}
