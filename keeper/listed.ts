import type { FleetState, FleetStateChanges } from '../store/fleet-state.ts';
import type { Look } from './look.ts';

/** A fleet whose keeper has never run. */
const NEW: FleetStateChanges = { listedSinceMs: 0 };

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
  if (listedSinceMs !== undefined && keptAtMs === keptWithIndexAtMs) return {};
  if (keptAtMs === undefined) return NEW;
  const isOld = [...records.values()].some(
    ({ listing, listed }) => listing === 'instances' && listed === undefined,
  );
  return { listedSinceMs: isOld ? undefined : nowMs };
}

/**
 * The same of a run that failed, and may have seen no instances: the first one is the first all the same. After a rollback it
 * leaves the judgement to the next run, to which `keptAtMs` does not show any more that there was one.
 */
export function listedNoteOfFailure(memory: FleetState): FleetStateChanges {
  const { listedSinceMs, keptAtMs, keptWithIndexAtMs } = memory;
  if (listedSinceMs === undefined) return keptAtMs === undefined ? NEW : {};
  return keptAtMs === keptWithIndexAtMs ? {} : { listedSinceMs: undefined };
}
