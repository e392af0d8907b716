import type { SavedLog } from '../store/log-layout.ts';
import { type Launch, trips } from '../policy/breaker.ts';
import type { KeeperConfig } from './config.ts';
import { type LaunchSeen, type Look, presentIn } from './look.ts';

/** Launches whose logs are looked for: the breaker's own limit and those that still boot. */
const MOST_LAUNCHES = 10;

/** Of these launches, the newest first, those whose saved logs tell whether AWS refuses all instances what they need. */
export function lastLaunches(
  launches: readonly LaunchSeen[],
  { breakerFailures }: KeeperConfig,
): LaunchSeen[] {
  return launches.slice(0, Math.max(MOST_LAUNCHES, breakerFailures));
}

/**
 * How launches came out of which nothing else is known. An outage of AWS says nothing of them.
 *
 * @param present instances that the group still has
 */
export function outcomesBySavedLogs(
  launches: readonly LaunchSeen[],
  savedLogs: ReadonlyMap<string, SavedLog>,
  present: ReadonlySet<string>,
): Launch[] {
  return launches.map(({ instance, startedAtMs }) => {
    const refusal = savedLogs.get(instance)?.refusal;
    const isOpen = present.has(instance) || refusal === 'passing';
    const outcome = refusal === 'lasting' ? 'failed' : isOpen ? 'pending' : 'ready';
    return { instance, startedAtMs, outcome };
  });
}

/** `afterRefusedLook` can note nothing. Whoever else suspended `Launch` need not have. */
export function isSuspendedWithoutNote({ group, memory }: Look): boolean {
  const { pausedAtMs, trippedAtMs } = memory;
  return group.suspended.has('Launch') && pausedAtMs === undefined && trippedAtMs === undefined;
}

/** Whether launches are suspended because the last instances were refused, one after the other, while the table was. */
export function suspendedAsRefused(look: Look, config: KeeperConfig): boolean {
  if (!isSuspendedWithoutNote(look) || !look.savedLogs) return false;
  const launches = outcomesBySavedLogs(
    lastLaunches(look.launches, config),
    look.savedLogs,
    presentIn(look.group),
  );
  const { resumedAtMs } = look.memory;
  return trips({ launches, resumedAtMs, limit: config.breakerFailures });
}
