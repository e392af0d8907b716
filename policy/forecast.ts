/**
 * Forecasts what an instance will do next if nothing happens before: the decision of `retirement.ts` at later times.
 */

import {
  decideRetirement,
  type Reason,
  type RetirementDecision,
  type RetirementFacts,
  type RetirementRules,
} from './retirement.ts';

/**
 * `work`: it has a job. `inMs` and `reason` are set if it will take no more jobs from then on. `retire`: it retires in
 * `inMs` if no job comes. `leave`: it retires in `inMs` in any case. `stay`: it has no job and stays, because its group
 * is at its minimum or it is in the warm pool.
 */
export interface ForecastDecision {
  next: 'work' | 'retire' | 'leave' | 'stay';
  inMs?: number;
  reason?: Reason;
}

/** Upper bound of the loop. A decision looks ahead an hour at most, and the longest maximum age is a year. */
const MOST_DECISIONS = 10_000;

export function forecast(facts: RetirementFacts, rules: RetirementRules): ForecastDecision {
  const busy = facts.idleMs === undefined;
  const calm: ForecastDecision = { next: busy ? 'work' : 'stay' };
  let inMs = 0;
  for (let asked = 0; asked < MOST_DECISIONS; asked++) {
    const decision = decideRetirement(factsAfter(facts, inMs), rules);
    if (decision.kind !== 'stay')
      return { next: nextOf(decision, busy && inMs > 0), inMs, reason: decision.reason };
    if (decision.againInMs === undefined) return calm;
    inMs += decision.againInMs;
  }
  return calm;
}

function nextOf(
  { kind }: Exclude<RetirementDecision, { kind: 'stay' }>,
  worksUntilThen: boolean,
): ForecastDecision['next'] {
  return worksUntilThen ? 'work' : kind;
}

/** The same instance `ms` later, if nothing happens. */
export function factsAfter(facts: RetirementFacts, ms: number): RetirementFacts {
  const { ageMs, idleMs, refusedMs } = facts;
  return {
    ...facts,
    ageMs: ageMs + ms,
    ...(idleMs !== undefined && { idleMs: idleMs + ms }),
    ...(refusedMs !== undefined && { refusedMs: refusedMs + ms }),
  };
}
