/** Correcting the desired capacity where an instance went without AWS lowering it. */

export interface CapacityFacts {
  desired: number;
  minSize: number;
  /** Instances that the group has and that are not on their way out. */
  present: readonly string[];
  /**
   * Instances that retired by a rung that lowers nothing though lowering was what they wanted, each to be accounted
   * for once.
   */
  unaccounted: readonly string[];
  /** Visible messages: with jobs waiting, a successor is welcome. */
  backlog: number;
  /** For how long a pause has kept the group from launching; undefined: nothing does. */
  heldMs?: number | undefined;
}

export interface Correction {
  /** Instances that the group still has: terminating them with decrement accounts for them. */
  terminate: string[];
  /** What the desired capacity is to be set to, and for whom; undefined: it is right, or not ours to change. */
  lower?: { desired: number; instead: string[] };
}

/** A launch that began before the pause shows in the group by then. */
const SETTLED_MS = 120_000;

/**
 * Lowers the desired capacity by as many instances as went below the first rung. Those still there are terminated with
 * decrement, one atomic call; for those gone the number is set. That their successors run already is no reason not to:
 * these are then more than desired and go when they have nothing to do, being protected till then, and no successors
 * follow them. Otherwise a fleet whose terminate call is refused would boot one instance after the other for ever.
 */
export function correctCapacity(facts: CapacityFacts): Correction {
  const { desired, minSize, present, unaccounted, backlog, heldMs = 0 } = facts;
  const there = new Set(present);
  const terminate = unaccounted.filter((instance) => there.has(instance));
  const instead = unaccounted.filter((instance) => !there.has(instance));
  if (heldMs >= SETTLED_MS) return whileHeld(facts, { terminate, instead });
  const needed = Math.max(minSize, desired - instead.length);
  return needed < desired && backlog === 0
    ? { terminate, lower: { desired: needed, instead } }
    : { terminate };
}

/**
 * What a paused group is short of would start all at once when it is resumed, for jobs that may be gone by then. So it
 * wants no more than it has, which accounts for all that went; whoever sees jobs then asks for what they need.
 */
function whileHeld(
  { desired, minSize, present }: CapacityFacts,
  { terminate, instead }: { terminate: string[]; instead: string[] },
): Correction {
  const needed = Math.min(desired, Math.max(minSize, present.length));
  return needed < desired || instead.length > 0
    ? { terminate, lower: { desired: needed, instead } }
    : { terminate };
}
