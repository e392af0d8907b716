/** The boot breaker: stops launches when instances repeatedly fail to boot, or boot and do no work. */

import type { RefusalKind } from './refusal.ts';
import { BROKEN_REASONS } from './retirement.ts';

export interface Launch {
  instance: string;
  startedAtMs: number;
  /** `pending`: it is still booting, or says nothing about boots. */
  outcome: 'ready' | 'failed' | 'pending';
  /** The job that may have broken the instance, if it is known. */
  job?: string | undefined;
}

export interface BreakerFacts {
  launches: readonly Launch[];
  /** When an operator last resumed the fleet. Earlier launches do not count. */
  resumedAtMs: number | undefined;
  /** The number of consecutive failures that opens the breaker. */
  limit: number;
}

/** This many times the limit opens the breaker even if all failures belong to one job, as a job may have many tries. */
const MOST_LIMITS = 3;

/**
 * Boots that failed since the last successful one. Instances that broke while they ran the same job count once: the job
 * may be the cause, and the number of its tries is limited.
 */
export function countConsecutiveFailures(facts: BreakerFacts): number {
  return new Set(failedInARow(facts).map(({ job, instance }) => job ?? instance)).size;
}

export function shouldTrip(facts: BreakerFacts): boolean {
  return (
    countConsecutiveFailures(facts) >= facts.limit || failedInARow(facts).length >= MOST_LIMITS * facts.limit
  );
}

/** The newest first. */
function failedInARow({ launches, resumedAtMs = 0 }: BreakerFacts): Launch[] {
  const ended = launches
    .filter(({ outcome, startedAtMs }) => outcome !== 'pending' && startedAtMs > resumedAtMs)
    .toSorted((a, b) => b.startedAtMs - a.startedAtMs);
  const success = ended.findIndex(({ outcome }) => outcome === 'ready');
  return success < 0 ? ended : ended.slice(0, success);
}

/** Reasons that come from outside the instance or are unknown. They do not show whether the instance could work. */
const EXTERNAL_REASONS: ReadonlySet<string | undefined> = new Set([
  'spot-interruption',
  'rebalance',
  'stopped',
  'auto-scaling',
  'surplus',
  'group-deleted',
  'drained',
  'lost',
]);

/** The group and its activities are read one after the other, so a launch may show in only one of them. */
const SETTLED_MS = 120_000;
/** The alarm may launch an instance for a job before the keeper's next run sees that job. */
const LATE_RUN_MS = 120_000;

/**
 * Since when every run has found visible messages although no instance of the fleet has started a job. Undefined: that
 * is not the case. The keeper stores it until its next run.
 */
export function stalledSince(facts: {
  /** Visible messages. */
  backlog: number;
  paused: boolean;
  /** What the previous run returned. */
  beforeMs: number | undefined;
  /** When an instance last started a job. */
  lastStartMs: number | undefined;
  nowMs: number;
}): number | undefined {
  const { backlog, paused, beforeMs, lastStartMs = 0, nowMs } = facts;
  if (backlog === 0 || paused) return undefined;
  return Math.min(nowMs, Math.max(beforeMs ?? nowMs, lastStartMs));
}

/** What is known of an instance since its launch. */
export interface LaunchFacts {
  readyAt?: string | undefined;
  /** Time since it was ready, if it ever was. */
  readyMs?: number | undefined;
  /** Whether its agent ever reported. The report that it was ready may be missing if the table failed for a moment. */
  hasReported: boolean;
  /** Why it retired, if that is recorded. */
  reason?: string | undefined;
  /** The kind of the refusal for which it retired. */
  refusal?: RefusalKind | undefined;
  /** Jobs that it completed before it retired. */
  jobsDone?: number | undefined;
  /** Whether it ever started a job. */
  jobStarted?: boolean | undefined;
  /** For how long jobs have waited although no instance of the fleet started one; see `stalledSince`. */
  stalledMs?: number | undefined;
  /** Time since its retirement ended, if that is recorded. */
  endedMs?: number | undefined;
  /** Whether the group still has it. */
  present: boolean;
  /** Time since its launch. */
  ageMs: number;
}

/**
 * The outcome of a launch.
 *
 * - An instance that was ever ready booted. But if it broke before it completed a job, the launch failed: a successor
 *   would break as well.
 * - An instance that ended before it was ready is a failed boot, unless the end came from outside: a Spot interruption,
 *   an operator or an outage of AWS says nothing about boots.
 * - A launch failed, ready or not, if jobs waited during the whole life of the instance and no instance of the fleet
 *   started one.
 */
export function judgeLaunch(launch: LaunchFacts): Launch['outcome'] {
  if (BROKEN_REASONS.has(launch.reason ?? '') && !launch.jobsDone) {
    return launch.refusal === 'passing' ? 'pending' : 'failed';
  }
  if (achievesNothing(launch)) {
    const isTooEarly = launch.endedMs === undefined || launch.endedMs < SETTLED_MS;
    return isTooEarly || EXTERNAL_REASONS.has(launch.reason) ? 'pending' : 'failed';
  }
  if (launch.readyAt !== undefined) return 'ready';
  if (launch.reason === 'boot-failed' || launch.reason === 'worker-missing') return 'failed';
  // Its agent runs, and AWS has not answered it yet.
  if (launch.hasReported && launch.present && launch.reason === undefined) return 'pending';
  if (launch.hasReported) return 'ready';
  if (launch.reason !== undefined || launch.present || launch.ageMs < SETTLED_MS) return 'pending';
  return 'failed';
}

/**
 * Whether jobs have waited since its launch, or at least since it was ready, while no instance of the fleet started
 * one. An instance that never reported is judged as a boot instead.
 */
function achievesNothing(launch: LaunchFacts): boolean {
  const { stalledMs, jobStarted, hasReported, readyMs, endedMs, ageMs } = launch;
  if (stalledMs === undefined || jobStarted || !(hasReported || readyMs !== undefined)) return false;
  return stalledMs >= ageMs - LATE_RUN_MS && stalledMs >= (readyMs ?? endedMs ?? 0);
}
