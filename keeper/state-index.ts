import type { FleetState, FleetStateChanges } from '../store/fleet-state.ts';
import type { Snapshot } from './snapshot.ts';

/** The state of a fleet whose keeper has never run. */
const NEW: FleetStateChanges = { listedSinceMs: 0 };

/**
 * The change of `listedSinceMs`: since when all jobs are in the index by state. A fleet whose keeper has never run is
 * new, and all of its jobs are in the index. Other tables, also after a rollback, may have jobs that an earlier version
 * wrote without the index. Agents of that version add more as long as they run.
 */
export function stateIndexChanges({
  fleetState,
  records,
  nowMs,
}: Pick<Snapshot, 'fleetState' | 'records' | 'nowMs'>): FleetStateChanges {
  const { listedSinceMs, keptAtMs, keptWithIndexAtMs } = fleetState;
  if (listedSinceMs !== undefined && keptAtMs === keptWithIndexAtMs) return {};
  if (keptAtMs === undefined) return NEW;
  const isOld = [...records.values()].some(
    ({ listing, listed }) => listing === 'instances' && listed === undefined,
  );
  return { listedSinceMs: isOld ? undefined : nowMs };
}

/**
 * The same after a failed run, which may have read no instances. The first run of a keeper counts even if it fails.
 * After a rollback `listedSinceMs` is removed, because the next run cannot see the rollback in `keptAtMs` any more.
 */
export function stateIndexChangesAfterFailure(fleetState: FleetState): FleetStateChanges {
  const { listedSinceMs, keptAtMs, keptWithIndexAtMs } = fleetState;
  if (listedSinceMs === undefined) return keptAtMs === undefined ? NEW : {};
  return keptAtMs === keptWithIndexAtMs ? {} : { listedSinceMs: undefined };
}
