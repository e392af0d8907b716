import { lanesOf } from '../../policy/groups/release.ts';
import { countHeld, countHeldOf, type GroupState, type OutJob, outOf } from '../../policy/groups/state.ts';
import type { FleetContext } from '../context.ts';
import { createJobIndex } from '../job-records.ts';
import type { GroupView, OutView } from '../requests/types.ts';
import { groupLimits } from './create.ts';

/** Views of groups. The targets of the jobs that have lanes are read from their records. */
export async function createGroupViews(
  context: FleetContext,
  groups: readonly GroupState[],
): Promise<GroupView[]> {
  const targets = await readTargets(context, groups);
  return groups.map((group) => createGroupView(context, group, targets));
}

function createGroupView(
  context: FleetContext,
  group: GroupState,
  targets: ReadonlyMap<string, string>,
): GroupView {
  const { name, size, lanes, pausedAtMs, stopped, plain } = group;
  return {
    name,
    lanes: lanesOf(group, groupLimits(context)),
    setting: lanes ?? groupLimits(context).lanes,
    ...(size !== undefined && { size }),
    running: Object.entries(group.out).map(([id, job]) => createOutView(id, job, targets)),
    held: countHeld(group),
    requests: group.requests
      .toSorted((one, other) => one.lastRelease - other.lastRelease)
      .map((request) => ({
        id: request.id,
        state: request.state,
        held: countHeldOf(request),
        running: outOf(group, request.id).length,
      })),
    plain: plain.jobs.length + plain.stored,
    ...(pausedAtMs !== undefined && { pausedAt: new Date(pausedAtMs).toISOString() }),
    ...(stopped && {
      stopped: { at: new Date(stopped.atMs).toISOString(), job: stopped.job, reason: stopped.reason },
    }),
  };
}

export function createOutView(id: string, job: OutJob, targets: ReadonlyMap<string, string>): OutView {
  const target = job.target ?? targets.get(id);
  return {
    job: id,
    ...(target !== undefined && { target }),
    stage: job.stage,
    ...(job.job !== undefined && { stageJob: job.job }),
    since: new Date(job.sinceMs).toISOString(),
    ...(job.request !== undefined && { requestId: job.request }),
  };
}

/** The targets of the jobs that have lanes, by job. */
export async function readTargets(
  context: FleetContext,
  groups: readonly GroupState[],
): Promise<Map<string, string>> {
  const ids = groups.flatMap(({ out }) => Object.keys(out));
  const records = ids.length === 0 ? [] : await createJobIndex(context).getMany(ids);
  return new Map(
    [...records].flatMap(([id, { target }]) => (target === undefined ? [] : [[id, target] as const])),
  );
}
