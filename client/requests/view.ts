import { splitIntoBatches } from '../../policy/groups/batches.ts';
import { lanesOf } from '../../policy/groups/release.ts';
import { countHeldOf, emptyGroup, findRequest, type GroupState, outOf } from '../../policy/groups/state.ts';
import type { RequestGroup, RequestRecord } from '../../store/request-items.ts';
import type { FleetContext } from '../context.ts';
import { createGroups, groupLimits } from '../groups/create.ts';
import { createOutView, readTargets } from '../groups/view.ts';
import type { RequestGroupView, RequestView } from './types.ts';

/** Views of requests, from their items and those of their groups. */
export async function createRequestViews(
  context: FleetContext,
  requests: readonly RequestRecord[],
): Promise<RequestView[]> {
  const names = requests.flatMap(({ groups }) =>
    groups.filter(({ result }) => !result).map(({ name }) => name),
  );
  const states = await createGroups(context).items.readMany(new Set(names));
  const targets = await readTargets(context, states);
  const byName = new Map(states.map((state) => [state.name, state]));
  return requests.map((request) => createRequestView(context, request, byName, targets));
}

function createRequestView(
  context: FleetContext,
  request: RequestRecord,
  states: ReadonlyMap<string, GroupState>,
  targets: ReadonlyMap<string, string>,
): RequestView {
  const { id, state, reason, count, label, submittedAt, endedAt, stoppedAt, cancelAt, retryOf, policy } =
    request;
  const groups = request.groups.map((group) =>
    createRequestGroupView(
      context,
      request,
      group,
      states.get(group.name) ?? emptyGroup(group.name),
      targets,
    ),
  );
  const sum = (of: (group: RequestGroupView) => number) => groups.reduce((all, group) => all + of(group), 0);
  const ended = { succeeded: sum((one) => one.succeeded), failed: sum((one) => one.failed) };
  const cancelled = sum((one) => one.cancelled);
  const running = sum((one) => one.running.filter(({ stage }) => stage === 'job').length);
  const held = sum((one) => one.held);
  const skipped = count - ended.succeeded - ended.failed - cancelled - running - held;
  return {
    id,
    state,
    ...(reason !== undefined && { reason }),
    count,
    ...ended,
    cancelled,
    running,
    held,
    skipped: Math.max(0, skipped),
    ...(label !== undefined && { label }),
    submittedAt,
    ...(endedAt !== undefined && { endedAt }),
    ...(stoppedAt !== undefined && { stoppedAt }),
    ...(cancelAt !== undefined && { cancelAt }),
    ...(retryOf !== undefined && { retryOf }),
    policy,
    groups,
  };
}

function createRequestGroupView(
  context: FleetContext,
  { id, state, policy }: RequestRecord,
  { name, count, size, result }: RequestGroup,
  group: GroupState,
  targets: ReadonlyMap<string, string>,
): RequestGroupView {
  const lanes = lanesOf({ lanes: group.lanes, size: group.size ?? size }, groupLimits(context));
  const base = { name, count, size, lanes };
  if (result) return { ...base, state: 'ended', ...result, held: 0, running: [] };
  const open = findRequest(group, id);
  if (!open) {
    const isCancelled = state === 'cancelled';
    return { ...base, state: 'waiting', ...NONE, held: isCancelled ? 0 : count, running: [] };
  }
  const { reason, batch, succeeded, failed, cancelled } = open;
  return {
    ...base,
    state: open.state,
    ...(reason !== undefined && { reason }),
    batch: batch + 1,
    batches: splitIntoBatches(count, policy.serial ?? []).length,
    succeeded,
    failed,
    cancelled,
    held: countHeldOf(open),
    running: outOf(group, id).map(([job, out]) => createOutView(job, out, targets)),
  };
}

const NONE = { succeeded: 0, failed: 0, cancelled: 0 };
