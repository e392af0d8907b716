/** Correcting the desired capacity: where an instance went without AWS lowering it, and where nobody needs so many. */

export interface CapacityFacts {
  desired: number;
  minSize: number;
  /** Instances that count towards the desired capacity, those that boot included. */
  there: number;
  /** Each to be accounted for once. */
  unaccounted: readonly Unaccounted[];
  /** Visible messages: with jobs waiting, a successor is welcome. */
  backlog: number;
  /** For how long a pause has kept the group from launching; undefined: nothing does. */
  heldMs?: number | undefined;
  /** Nobody needs what the group wants beyond what is there (`judgeDemand`). */
  unneeded?: boolean;
}

/** An instance that retired by a rung that lowers nothing, though lowering was what it wanted. */
export interface Unaccounted {
  instance: string;
  /** Where the group has it: on its way out, not at all any more, or as if nothing had happened. */
  state: 'present' | 'terminating' | 'gone';
  /**
   * Whether Auto Scaling terminated it at somebody's request, which lowered the desired capacity or was not meant to;
   * undefined: no termination of it is known.
   */
  byRequest?: boolean | undefined;
}

export interface Correction {
  /** Instances that the group still has: terminating them with decrement accounts for them. */
  terminate: string[];
  /** What the desired capacity is to be set to, and for whom; undefined: it is right, or not ours to change. */
  lower?: { from: number; desired: number; instead: string[] };
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
  const { desired, minSize, there, unaccounted, backlog, heldMs = 0, unneeded = false } = facts;
  const terminate = unaccounted.filter(({ state }) => state === 'present').map(({ instance }) => instance);
  const instead = unaccounted.filter(isReplaced).map(({ instance }) => instance);
  if (heldMs >= SETTLED_MS) return whileHeld(facts, { terminate, instead });
  const left = desired - instead.length;
  const needed = Math.max(minSize, unneeded ? Math.min(there, left) : left);
  return needed < desired && backlog === 0
    ? { terminate, lower: { from: desired, desired: needed, instead } }
    : { terminate };
}

/**
 * Whether the group goes on wanting an instance that is gone. What a request has ended was accounted for by it, whether
 * or not that could be noted. Of one that is on its way out the reason will be known at the next look.
 */
function isReplaced({ state, byRequest }: Unaccounted): boolean {
  if (state === 'present' || byRequest) return false;
  return state === 'gone' || byRequest === false;
}

/**
 * What a paused group is short of would start all at once when it is resumed, for jobs that may be gone by then. So it
 * wants no more than it has, which accounts for all that went; whoever sees jobs then asks for what they need.
 */
function whileHeld(
  { desired, minSize, there }: CapacityFacts,
  { terminate, instead }: { terminate: string[]; instead: string[] },
): Correction {
  const needed = Math.min(desired, Math.max(minSize, there));
  return needed < desired || instead.length > 0
    ? { terminate, lower: { from: desired, desired: needed, instead } }
    : { terminate };
}
