import { splitIntoBatches } from '../../policy/groups/batches.ts';
import { explainSizes, planJobs } from '../../policy/groups/plan.ts';
import { lanesOf } from '../../policy/groups/release.ts';
import { countHeld, emptyGroup, type GroupState, type RequestPolicy } from '../../policy/groups/state.ts';
import { awsTime, type FleetContext } from '../context.ts';
import { createRequestId } from '../enqueue/ids.ts';
import { createGroups, groupLimits } from '../groups/create.ts';
import { checkRequest } from './check.ts';
import { createHeader, findEarlier } from './submit.ts';
import type { GroupPlan, PlannedTarget, RequestOptions, RequestPlan, TargetGroup } from './types.ts';

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
  return {
    count: header.count,
    exists: earlier !== undefined,
    policy: header.policy,
    groups: groups.map((group) =>
      planGroup(context, group, byName.get(group.name) ?? emptyGroup(group.name), header.policy),
    ),
  };
}

function planGroup(
  context: FleetContext,
  { name, size, targets }: TargetGroup,
  state: GroupState,
  { serial = [], throttle = Number.POSITIVE_INFINITY }: RequestPolicy,
): GroupPlan {
  const limits = groupLimits(context);
  // The size that the request states becomes the group's.
  const lanes = lanesOf({ lanes: state.lanes, size }, limits);
  const atOnce = Math.min(lanes, throttle);
  const jobs = planJobs(targets.length, serial, atOnce);
  const halted = state.stopped ? 'stopped' : state.pausedAtMs === undefined ? undefined : 'paused';
  return {
    name,
    size,
    lanes,
    setting: state.lanes ?? limits.lanes,
    atOnce,
    running: Object.keys(state.out).length,
    held: countHeld(state),
    ...(halted && { halted }),
    batches: splitIntoBatches(targets.length, serial),
    notes: explainSizes(targets.length, serial),
    jobs: targets.flatMap(({ target, index }, at): PlannedTarget[] => {
      const job = jobs[at];
      return job ? [{ target, index, ...job }] : [];
    }),
  };
}
