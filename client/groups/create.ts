import { Groups } from '../../groups/groups.ts';
import { DEFAULT_LANES } from '../../policy/groups/lanes.ts';
import { DEFAULT_MAX_LANES } from '../../policy/groups/limits.ts';
import type { GroupLimits } from '../../policy/groups/state.ts';
import type { FleetContext } from '../context.ts';
import { FleetError } from '../errors.ts';

/**
 * The groups of a fleet, for one call. Throws a `FleetError` if an earlier version deployed the fleet: its agents keep no jobs
 * apart.
 */
export function createGroups(context: FleetContext, options: { leavesRequests?: boolean } = {}): Groups {
  const { clients, facts, clock, random } = context;
  const { table, queueUrl, recordSeconds } = facts;
  const limits = groupLimits(context);
  return new Groups({ clients, table, queueUrl, recordSeconds, limits, clock, random, ...options });
}

/** What the fleet sets for its groups. A fleet that was found by names has the defaults. */
export function groupLimits({ facts, isFromStack }: FleetContext): GroupLimits {
  if (facts.groups) return facts.groups;
  if (!isFromStack) return { lanes: DEFAULT_LANES, maxLanes: DEFAULT_MAX_LANES };
  throw new FleetError(
    `An earlier version of Mayfly deployed fleet ${facts.fleet}, whose agents keep no jobs of a group apart. Deploy it again with this version first.`,
  );
}
