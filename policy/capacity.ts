/** Correcting the desired capacity where an instance went without AWS lowering it. */

export interface CapacityFacts {
  desired: number;
  minSize: number;
  /** Instances that run, boot, or are on their way out. */
  present: readonly string[];
  /** Instances that retired by a rung that does not lower the desired capacity, and are not accounted for. */
  retiredBelow: readonly string[];
  /** Visible messages: with jobs waiting, a successor is welcome. */
  backlog: number;
}

export interface Correction {
  /** Instances that the group still has: terminating them with decrement accounts for them. */
  terminate: string[];
  /** What the desired capacity is to be set to; undefined: it is right, or not ours to change. */
  desired?: number;
}

/**
 * Lowers the desired capacity by as many instances as retired below the first rung: those still there are terminated
 * with decrement, one atomic call; for those gone the number is set, but never below what runs: if the group has
 * launched a successor already, that one finds nothing to do and retires by itself.
 */
export function correctCapacity(facts: CapacityFacts): Correction {
  const { desired, minSize, present, retiredBelow, backlog } = facts;
  const there = new Set(present);
  const terminate = retiredBelow.filter((instance) => there.has(instance));
  const gone = retiredBelow.length - terminate.length;
  if (gone === 0 || backlog > 0) return { terminate };
  const needed = Math.max(minSize, present.length, desired - gone);
  return needed < desired ? { terminate, desired: needed } : { terminate };
}
