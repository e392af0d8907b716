import type { SavedLog } from '../store/log-layout.ts';
import { type Launch, trips } from '../policy/breaker.ts';
import type { KeeperConfig } from './config.ts';
import { type LaunchSeen, type Look, presentIn } from './look.ts';

/** Launches whose saved logs are read: enough for the breaker's limit and for instances that are still booting. */
const MOST_LAUNCHES = 10;

/** The newest of these launches, whose saved logs show whether AWS refuses the calls of all instances. */
export function lastLaunches(
  launches: readonly LaunchSeen[],
  { breakerFailures }: KeeperConfig,
): LaunchSeen[] {
  return launches.slice(0, Math.max(MOST_LAUNCHES, breakerFailures));
}

/**
 * The outcomes of launches by their saved logs alone. An outage of AWS says nothing about them.
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

/**
 * Whether `Launch` is suspended without a record, as `handleRefusedSnapshot` leaves it. Somebody else may have
 * suspended it.
 */
export function isSuspendedWithoutNote({ group, fleetState }: Look): boolean {
  const { pausedAtMs, trippedAtMs } = fleetState;
  return group.suspended.has('Launch') && pausedAtMs === undefined && trippedAtMs === undefined;
}

/**
 * Whether launches are suspended because the last instances were refused one after the other, like the keeper itself.
 */
export function suspendedAsRefused(snapshot: Look, config: KeeperConfig): boolean {
  if (!isSuspendedWithoutNote(snapshot) || !snapshot.savedLogs) return false;
  const launches = outcomesBySavedLogs(
    lastLaunches(snapshot.launches, config),
    snapshot.savedLogs,
    presentIn(snapshot.group),
  );
  const { resumedAtMs } = snapshot.fleetState;
  return trips({ launches, resumedAtMs, limit: config.breakerFailures });
}
