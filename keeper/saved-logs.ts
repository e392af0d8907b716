import { type Launch, shouldTrip } from '../policy/breaker.ts';
import type { SavedLog } from '../store/bucket-keys.ts';
import type { KeeperConfig } from './config.ts';
import { findPresentInstances, type LaunchActivity, type Snapshot } from './snapshot.ts';

/** Launches whose saved logs are read: enough for the breaker's limit and for instances that are still booting. */
const MOST_LAUNCHES = 10;

/** The newest of these launches, whose saved logs show whether AWS refuses the calls of all instances. */
export function selectRecentLaunches(
  launches: readonly LaunchActivity[],
  { breakerFailures }: KeeperConfig,
): LaunchActivity[] {
  return launches.slice(0, Math.max(MOST_LAUNCHES, breakerFailures));
}

/**
 * The outcomes of launches by their saved logs alone. An outage of AWS says nothing about them.
 *
 * @param present instances that the group still has
 */
export function judgeBySavedLogs(
  launches: readonly LaunchActivity[],
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
export function isSuspendedWithoutRecord({ group, fleetState }: Snapshot): boolean {
  const { pausedAtMs, trippedAtMs } = fleetState;
  return group.suspended.has('Launch') && pausedAtMs === undefined && trippedAtMs === undefined;
}

/**
 * Whether launches are suspended because the last instances were refused one after the other, like the keeper itself.
 */
export function isSuspendedForRefusals(snapshot: Snapshot, config: KeeperConfig): boolean {
  if (!isSuspendedWithoutRecord(snapshot) || !snapshot.savedLogs) return false;
  const launches = judgeBySavedLogs(
    selectRecentLaunches(snapshot.launches, config),
    snapshot.savedLogs,
    findPresentInstances(snapshot.group),
  );
  const { resumedAtMs } = snapshot.fleetState;
  return shouldTrip({ launches, resumedAtMs, limit: config.breakerFailures });
}
