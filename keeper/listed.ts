import type { FleetState, FleetStateChanges } from '../jobs/fleet-state.ts';
import type { Look } from './look.ts';

/**
 * What is to be noted of the index by state (`listedSinceMs`). A fleet whose keeper has never run is new, and has all of its
 * jobs in it. In the table of another one, and of one that was rolled back for a while, are jobs that an earlier version has
 * written; and more are written as long as an agent of it lives.
 */
export function listedNote({
  memory,
  records,
  nowMs,
}: Pick<Look, 'memory' | 'records' | 'nowMs'>): FleetStateChanges {
  const { listedSinceMs, keptAtMs, keptWithIndexAtMs } = memory;
  if (keptAtMs === undefined) return ofNewFleet(memory);
  if (listedSinceMs !== undefined && keptAtMs === keptWithIndexAtMs) return {};
  const isOld = [...records.values()].some(
    ({ listing, listed }) => listing === 'instances' && listed === undefined,
  );
  return { listedSinceMs: isOld ? undefined : nowMs };
}

/** The same of a first run that failed before it could look: it is the first all the same. */
export function ofNewFleet({ keptAtMs, listedSinceMs }: FleetState): FleetStateChanges {
  return keptAtMs === undefined && listedSinceMs === undefined ? { listedSinceMs: 0 } : {};
}
