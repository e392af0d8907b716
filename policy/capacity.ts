/**
 * When to lower the desired capacity: for an instance that ended without lowering it, and for capacity that no job
 * needs.
 */

export interface CapacityFacts {
  desired: number;
  minSize: number;
  /** Instances that count towards the desired capacity, including those that are booting. */
  currentCapacity: number;
  /** Instances for which the desired capacity has to be lowered, once each. */
  unaccounted: readonly Unaccounted[];
  /** Visible messages. With jobs waiting, a successor is needed. */
  backlog: number;
  /** For how long a pause has kept the group from launching. Undefined: launches are not suspended. */
  suspendedMs?: number | undefined;
  /** No job needs the capacity that the group wants beyond the instances that it has (`judgeDemand`). */
  unneeded?: boolean;
}

/** An instance whose retirement should have lowered the desired capacity, but ended with a step that does not. */
export interface Unaccounted {
  instance: string;
  /** Its state in the group: in service, terminating, or not there any more. */
  state: 'present' | 'terminating' | 'gone';
  /**
   * Whether Auto Scaling terminated it on request. Such a request lowered the desired capacity, or was not meant to.
   * Undefined: no termination of it is known.
   */
  byRequest?: boolean | undefined;
}

export interface Correction {
  /** Instances that the group still has. Terminating them with decrement lowers the desired capacity. */
  terminate: string[];
  /** The new desired capacity, and the instances it is lowered for. Undefined: it is right, or must not be changed. */
  lower?: { from: number; desired: number; instances: string[] };
}

/** After this time a launch that began before the pause shows in the group. */
const SETTLED_MS = 120_000;

/**
 * Lowers the desired capacity for each instance that retired with a later step than the first. Instances that are still
 * in the group are terminated with decrement, in one atomic call. For those that are gone the number is set.
 *
 * It is also lowered if their successors already run. These then exceed the desired capacity, are protected from
 * scale-in, and retire without a successor when they are idle. Otherwise a fleet whose terminate call is refused would
 * launch one instance after the other without end.
 */
export function correctCapacity(facts: CapacityFacts): Correction {
  const {
    desired,
    minSize,
    currentCapacity,
    unaccounted,
    backlog,
    suspendedMs = 0,
    unneeded = false,
  } = facts;
  const terminate = unaccounted.filter(({ state }) => state === 'present').map(({ instance }) => instance);
  const instances = unaccounted.filter(isReplaced).map(({ instance }) => instance);
  if (suspendedMs >= SETTLED_MS) return whileSuspended(facts, { terminate, instances });
  const left = desired - instances.length;
  const needed = Math.max(minSize, unneeded ? Math.min(currentCapacity, left) : left);
  return needed < desired && backlog === 0
    ? { terminate, lower: { from: desired, desired: needed, instances } }
    : { terminate };
}

/**
 * Whether the group replaces an instance that is gone. A termination on request has lowered the desired capacity, even
 * if the record does not say so. For an instance that is terminating the cause is known at the next run.
 */
function isReplaced({ state, byRequest }: Unaccounted): boolean {
  if (state === 'present' || byRequest) return false;
  return state === 'gone' || byRequest === false;
}

/**
 * When a paused group is resumed it launches all missing instances at once, perhaps for jobs that are gone by then. So
 * the desired capacity is lowered to the instances that the group has. The alarm or the keeper raises it when there are
 * jobs.
 */
function whileSuspended(
  { desired, minSize, currentCapacity }: CapacityFacts,
  { terminate, instances }: { terminate: string[]; instances: string[] },
): Correction {
  const needed = Math.min(desired, Math.max(minSize, currentCapacity));
  return needed < desired || instances.length > 0
    ? { terminate, lower: { from: desired, desired: needed, instances } }
    : { terminate };
}
