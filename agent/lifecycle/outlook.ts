import type { Outlook, SlowedOutlook } from '../../jobs/record.ts';
import { foresee } from '../../policy/outlook.ts';
import { refusedNow } from '../../policy/refusal.ts';
import type { InstanceFacts, RetirementRules } from '../../policy/retirement.ts';
import type { FailureStreak } from '../../policy/slowdown.ts';
import type { WorkState } from '../work/work.ts';

/** What an instance reports: what it does, and what the policy will make it do next. */
export function outlookOf(
  { running, jobsDone, lastStartMs, slowed }: WorkState,
  slots: number,
  facts: InstanceFacts,
  rules: RetirementRules,
  nowMs: number,
): Outlook {
  const { next, inMs, reason } = foresee(facts, rules);
  const refused = facts.paused ? undefined : refusedNow(facts.refusals ?? {});
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
export function differs(before: Outlook | undefined, now: Outlook): boolean {
  return (
    before?.next !== now.next ||
    before.reason !== now.reason ||
    before.refused?.error !== now.refused?.error ||
    before.running > 0 !== now.running > 0 ||
    !before.lastStartMs !== !now.lastStartMs ||
    !before.slowed !== !now.slowed
  );
}

function createSlowedForecast({ failures, reason, slowSinceMs = 0 }: FailureStreak): SlowedOutlook {
  return { failures, reason, since: timeAt(slowSinceMs) };
}

function timeAt(ms: number): string {
  return new Date(ms).toISOString();
}
