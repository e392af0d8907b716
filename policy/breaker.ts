/** The boot breaker: a fleet whose instances do not boot, or are of no use, must not buy new ones all night. */

import type { RefusalKind } from './refusal.ts';
import { BROKEN_REASONS } from './retirement.ts';

export interface Launch {
  instance: string;
  startedAtMs: number;
  /** `pending` is neither: it still boots. */
  outcome: 'ready' | 'failed' | 'pending';
  /** The job that may have broken the instance, if it is known. */
  job?: string | undefined;
}

export interface BreakerFacts {
  launches: readonly Launch[];
  /** When an operator last resumed the fleet: launches before do not count any more. */
  resumedAtMs: number | undefined;
  /** Failures in a row that trip it. */
  limit: number;
}

/** So many times the limit trip it whatever the jobs: how often a job is tried is its owner's to say. */
const MOST_LIMITS = 3;

/**
 * Boots that failed since the last one that did not. Instances that broke with one and the same job count once: the job may
 * be the cause, and its tries are bounded.
 */
export function failuresInARow(facts: BreakerFacts): number {
  return new Set(failedInARow(facts).map(({ job, instance }) => job ?? instance)).size;
}

export function trips(facts: BreakerFacts): boolean {
  return failuresInARow(facts) >= facts.limit || failedInARow(facts).length >= MOST_LIMITS * facts.limit;
}

/** The latest first. */
function failedInARow({ launches, resumedAtMs = 0 }: BreakerFacts): Launch[] {
  const ended = launches
    .filter(({ outcome, startedAtMs }) => outcome !== 'pending' && startedAtMs > resumedAtMs)
    .toSorted((a, b) => b.startedAtMs - a.startedAtMs);
  const success = ended.findIndex(({ outcome }) => outcome === 'ready');
  return success < 0 ? ended : ended.slice(0, success);
}

/** Ends that were somebody else's will, or of which nobody knows whose: they say nothing of what the instance was good for. */
const NOT_ITS_OWN: ReadonlySet<string | undefined> = new Set([
  'spot-interruption',
  'rebalance',
  'stopped',
  'auto-scaling',
  'surplus',
  'group-deleted',
  'drained',
  'lost',
]);

/** Group and activities are not read at one moment: a launch may show in the one and not yet in the other. */
const SETTLED_MS = 120_000;
/** The alarm may launch an instance for a job before the keeper's next look sees that one waits. */
const LATE_LOOK_MS = 120_000;

/**
 * Since when messages have been visible at each look though no instance of the fleet has started a job; undefined: it
 * is not so. To be remembered until the next look.
 */
export function stalledSince(facts: {
  /** Visible messages. */
  backlog: number;
  paused: boolean;
  /** What the last look found. */
  beforeMs: number | undefined;
  /** When an instance last started a job. */
  lastStartMs: number | undefined;
  nowMs: number;
}): number | undefined {
  const { backlog, paused, beforeMs, lastStartMs = 0, nowMs } = facts;
  if (backlog === 0 || paused) return undefined;
  return Math.min(nowMs, Math.max(beforeMs ?? nowMs, lastStartMs));
}

/** What is known of an instance, from its launch on. */
export interface Life {
  readyAt?: string | undefined;
  /** Since it was ready, if it ever was. */
  readyMs?: number | undefined;
  /** Whether its agent ever reported: a table that failed for a moment may not have heard that it was ready. */
  heard: boolean;
  /** Why it goes, if that is on record. */
  reason?: string | undefined;
  /** Of what kind the refusal was for which it goes. */
  refusal?: RefusalKind | undefined;
  /** Jobs that it did until it went. */
  jobsDone?: number | undefined;
  /** Whether it ever started a job. */
  jobStarted?: boolean | undefined;
  /** For how long jobs have waited though no instance of the fleet started one; see `stalledSince`. */
  stalledMs?: number | undefined;
  /** Since its retirement ended, if that is on record. */
  endedMs?: number | undefined;
  /** Whether the group still has it. */
  present: boolean;
  /** Since the launch. */
  ageMs: number;
}

/**
 * How a launch came out. An instance that was ready once booted, whatever became of it, but for one that then broke
 * before it did a single job: it is as useless, and so would the next one be. One that went before was a failed boot,
 * unless it was taken by somebody else's will: a Spot interruption or an operator says nothing of boots, nor does an outage
 * of AWS. One in whose whole life jobs waited, and no instance of the fleet started one, has failed as well, ready or not.
 */
export function outcomeOf(launch: Life): Launch['outcome'] {
  if (BROKEN_REASONS.has(launch.reason ?? '') && !launch.jobsDone) {
    return launch.refusal === 'passing' ? 'pending' : 'failed';
  }
  if (achievesNothing(launch)) {
    const isTooEarly = launch.endedMs === undefined || launch.endedMs < SETTLED_MS;
    return isTooEarly || NOT_ITS_OWN.has(launch.reason) ? 'pending' : 'failed';
  }
  if (launch.readyAt !== undefined) return 'ready';
  if (launch.reason === 'boot-failed' || launch.reason === 'worker-missing') return 'failed';
  // Its agent runs, and AWS has yet to answer it.
  if (launch.heard && launch.present && launch.reason === undefined) return 'pending';
  if (launch.heard) return 'ready';
  if (launch.reason !== undefined || launch.present || launch.ageMs < SETTLED_MS) return 'pending';
  return 'failed';
}

/**
 * Whether jobs have waited all its life, and since it was ready at any rate, while no instance of the fleet started one.
 * One that nobody ever heard of is judged as a boot.
 */
function achievesNothing(launch: Life): boolean {
  const { stalledMs, jobStarted, heard, readyMs, endedMs, ageMs } = launch;
  if (stalledMs === undefined || jobStarted || !(heard || readyMs !== undefined)) return false;
  return stalledMs >= ageMs - LATE_LOOK_MS && stalledMs >= (readyMs ?? endedMs ?? 0);
}
