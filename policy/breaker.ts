/** The boot breaker: a fleet whose instances do not boot, or are of no use, must not buy new ones all night. */

import type { RefusalKind } from './refusal.ts';
import type { BrokenReason } from './retirement.ts';

export interface Launch {
  instance: string;
  startedAtMs: number;
  /** `pending` is neither: it still boots. */
  outcome: 'ready' | 'failed' | 'pending';
}

export interface BreakerFacts {
  launches: readonly Launch[];
  /** When an operator last resumed the fleet: launches before do not count any more. */
  resumedAtMs: number | undefined;
  /** Failures in a row that trip it. */
  limit: number;
}

/** Boots that failed since the last one that did not, the latest launches first. */
export function failuresInARow({ launches, resumedAtMs = 0 }: BreakerFacts): number {
  const ended = launches
    .filter(({ outcome, startedAtMs }) => outcome !== 'pending' && startedAtMs > resumedAtMs)
    .toSorted((a, b) => b.startedAtMs - a.startedAtMs);
  const success = ended.findIndex(({ outcome }) => outcome === 'ready');
  return success < 0 ? ended.length : success;
}

export function trips(facts: BreakerFacts): boolean {
  return failuresInARow(facts) >= facts.limit;
}

/** Reasons of an instance that was of no use (`BrokenReason` of `retirement.ts`). */
const BROKEN: ReadonlySet<string | undefined> = new Set<BrokenReason>([
  'worker-missing',
  'disk-full',
  'unhealthy',
  'cannot-receive',
  'cannot-use-table',
  'cannot-assume-worker-role',
]);

/** Group and activities are not read at one moment: a launch may show in the one and not yet in the other. */
const SETTLED_MS = 120_000;

/**
 * How a launch came out. An instance that was ready once booted, whatever became of it, but for one that then broke
 * before it did a single job: it is as useless, and so would the next one be. One that went before was a failed boot,
 * unless it was taken by somebody else's will: a Spot interruption or an operator says nothing of boots, nor does an outage
 * of AWS.
 */
export function outcomeOf(launch: {
  readyAt?: string | undefined;
  /** Whether its agent ever reported: a table that failed for a moment may not have heard that it was ready. */
  heard: boolean;
  /** Why it goes, if that is on record. */
  reason?: string | undefined;
  /** Of what kind the refusal was for which it goes. */
  refusal?: RefusalKind | undefined;
  /** Jobs that it did until it went. */
  jobsDone?: number | undefined;
  /** Whether the group still has it. */
  present: boolean;
  /** Since the launch. */
  ageMs: number;
}): Launch['outcome'] {
  if (BROKEN.has(launch.reason) && !launch.jobsDone) {
    return launch.refusal === 'passing' ? 'pending' : 'failed';
  }
  if (launch.readyAt !== undefined) return 'ready';
  if (launch.reason === 'boot-failed' || launch.reason === 'worker-missing') return 'failed';
  // Its agent runs, and AWS has yet to answer it.
  if (launch.heard && launch.present && launch.reason === undefined) return 'pending';
  if (launch.heard) return 'ready';
  if (launch.reason !== undefined || launch.present || launch.ageMs < SETTLED_MS) return 'pending';
  return 'failed';
}
