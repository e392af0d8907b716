import type { Lanes } from '../../policy/groups/lanes.ts';
import { lanesOf } from '../../policy/groups/release.ts';
import { countHeld, emptyGroup, type GroupState, type RequestPolicy } from '../../policy/groups/state.ts';
import { awsTime, type FleetContext } from '../context.ts';
import { createRequestId } from '../enqueue/ids.ts';
import { createGroups, groupLimits } from '../groups/create.ts';
import { checkRequest } from './check.ts';
import { type PlannedGroup, planGroups } from './plan-view.ts';
import { createHeader, findEarlier } from './submit.ts';
import type { RequestOptions, TargetGroup } from './types.ts';

/** What a request would do: result of `requests.plan`, as `--json` prints it. */
export interface RequestPlan {
  /** Number of jobs. */
  count: number;
  /** There is a request with this id, of the same targets, bodies and options. The call would make no second one. */
  exists: boolean;
  policy: RequestPolicy;
  /** They run beside each other. */
  groups: GroupPlan[];
}

/** What a request would do in one group. */
export interface GroupPlan extends PlannedGroup {
  /** The size that the group has now, if the request changes it. */
  sizeNow?: number;
  /** What the number of lanes follows from: the group's own setting, or the fleet's default. */
  setting: Lanes;
  /** Jobs that have lanes of the group now, and jobs that are held. The request takes turns with them. */
  running: number;
  held: number;
  /** The group is stopped or paused now: nothing of it runs until somebody resumes it. */
  halted?: 'stopped' | 'paused';
}

/**
 * What a request would do. Checks it as `submitRequest` does, reads the lanes that its groups have now, and writes nothing.
 *
 * Rejects as `submitRequest`.
 */
export async function planRequest(
  context: FleetContext,
  groups: readonly TargetGroup[],
  options: RequestOptions,
): Promise<RequestPlan> {
  const id = options.id ?? createRequestId();
  await checkRequest(context, id, groups, options);
  const header = createHeader(context, id, groups, options, await awsTime(context));
  const earlier = options.id === undefined ? undefined : await findEarlier(context, header);
  const states = await createGroups(context).items.readMany(groups.map(({ name }) => name));
  const byName = new Map(states.map((state) => [state.name, state]));
  const stateOf = (name: string) => byName.get(name) ?? emptyGroup(name);
  // The size that the request states becomes the group's.
  const lanesNow = ({ name, size }: Pick<TargetGroup, 'name' | 'size'>) =>
    lanesOf({ lanes: stateOf(name).lanes, size }, groupLimits(context));
  return {
    count: header.count,
    exists: earlier !== undefined,
    policy: header.policy,
    groups: planGroups(groups, header.policy, lanesNow).map((group) => ({
      ...group,
      ...presentState(context, stateOf(group.name), group.size),
    })),
  };
}

function presentState(
  context: FleetContext,
  { lanes, size, out, stopped, pausedAtMs, ...state }: GroupState,
  newSize: number,
): Pick<GroupPlan, 'sizeNow' | 'setting' | 'running' | 'held' | 'halted'> {
  const halted = stopped ? 'stopped' : pausedAtMs === undefined ? undefined : 'paused';
  return {
    ...(size !== undefined && size !== newSize && { sizeNow: size }),
    setting: lanes ?? groupLimits(context).lanes,
    running: Object.keys(out).length,
    held: countHeld({ out, ...state }),
    ...(halted && { halted }),
  };
}
