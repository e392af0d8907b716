import type { Lanes } from '../../policy/groups/lanes.ts';

/** Options of `groups.set`. */
export interface GroupSettings {
  /** How many jobs of the group run at the same time: a number, or a percentage of its size, which rounds down to at least one. */
  lanes?: Lanes;
  /** Number of targets that the group has in all. */
  size?: number;
}
