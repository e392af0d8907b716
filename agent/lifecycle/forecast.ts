import type { Forecast, SlowedForecast } from '../../jobs/record.ts';
import { forecast } from '../../policy/forecast.ts';
import { findActiveRefusal } from '../../policy/refusal.ts';
import type { RetirementFacts, RetirementRules } from '../../policy/retirement.ts';
import type { FailureStreak } from '../../policy/slowdown.ts';
import type { JobLoopState } from '../work/types.ts';

/** What an instance reports: what it does, and what the policy will make it do next. */
export function createForecast(
  { running, jobsDone, lastStartMs, slowed }: JobLoopState,
  slots: number,
  facts: RetirementFacts,
  rules: RetirementRules,
  nowMs: number,
): Forecast {
  const { next, inMs, reason } = forecast(facts, rules);
  const refused = facts.paused ? undefined : findActiveRefusal(facts.refusals ?? {});
  return {
    running,
    slots,
    jobsDone,
    ...(lastStartMs !== undefined && { lastStartMs }),
    ...(facts.idleMs !== undefined && { idleSince: timeAt(nowMs - facts.idleMs) }),
    next,
    ...(inMs !== undefined && { at: timeAt(nowMs + inMs) }),
    ...(reason && { reason }),
    ...(slowed && { slowed: createSlowedForecast(slowed) }),
    ...(refused && {
      refused: {
        what: refused.what,
        error: refused.refusal.error,
        since: timeAt(nowMs - refused.refusal.forMs),
      },
    }),
  };
}

/** Whether two forecasts differ in more than times and counts. */
export function hasChanged(before: Forecast | undefined, now: Forecast): boolean {
  return (
    before?.next !== now.next ||
    before.reason !== now.reason ||
    before.refused?.error !== now.refused?.error ||
    before.running > 0 !== now.running > 0 ||
    !before.lastStartMs !== !now.lastStartMs ||
    !before.slowed !== !now.slowed
  );
}

function createSlowedForecast({ failures, reason, slowSinceMs = 0 }: FailureStreak): SlowedForecast {
  return { failures, reason, since: timeAt(slowSinceMs) };
}

function timeAt(ms: number): string {
  return new Date(ms).toISOString();
}
