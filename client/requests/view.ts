import { HALTED_REQUEST_MS } from '../../groups/groups.ts';
import { haltedSinceMs } from '../../groups/upkeep.ts';
import { splitIntoBatches } from '../../policy/groups/batches.ts';
import { explainHeld, firstHeldNumber, type HeldReason } from '../../policy/groups/held.ts';
import { lanesOf } from '../../policy/groups/release.ts';
import {
  countHeldOf,
  emptyGroup,
  findRequest,
  type GroupState,
  type OpenRequest,
  outOf,
} from '../../policy/groups/state.ts';
import type { RequestGroup, RequestRecord } from '../../store/request-items.ts';
import type { TargetState } from '../../store/target-items.ts';
import type { FleetContext } from '../context.ts';
import { createGroups, groupLimits } from '../groups/create.ts';
import { createHeldView } from '../groups/held.ts';
import { createOutView, readTargets } from '../groups/view.ts';
import { requestFacts } from '../jobs/held.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import type { RequestGroupView, RequestView } from './types.ts';

/** What the views of requests need besides the requests. */
interface Surroundings {
  context: FleetContext;
  states: ReadonlyMap<string, GroupState>;
  /** The targets of the jobs that have lanes, by job. */
  targets: ReadonlyMap<string, string>;
}

/** Views of requests, from their items and those of their groups. */
export async function createRequestViews(
  context: FleetContext,
  requests: readonly RequestRecord[],
): Promise<RequestView[]> {
  const names = requests.flatMap(({ groups }) =>
    groups.filter(({ result }) => !result).map(({ name }) => name),
  );
  const groups = await createGroups(context).items.readMany(new Set(names));
  const targets = await readTargets(context, groups);
  const surroundings = { context, states: new Map(groups.map((state) => [state.name, state])), targets };
  const drafts = requests.map((request) => createRequestView(surroundings, request));
  const busy = drafts.flatMap(({ waits }) => waits.flatMap(({ target }) => target ?? []));
  const holders = await readHolders(context, new Set(busy));
  return drafts.map(({ view, waits }) => withWaits(view, waits, surroundings, holders));
}

/** Why the next job of a group is held. */
interface Wait {
  index: number;
  state: GroupState;
  reason: HeldReason;
  target: string | undefined;
}

function createRequestView(
  surroundings: Surroundings,
  request: RequestRecord,
): { view: RequestView; waits: Wait[] } {
  const { id, state, reason, count, label, submittedAt, endedAt, stoppedAt, policy } = request;
  const { retryOf, retriedAs } = request;
  const stateOf = ({ name }: RequestGroup) => surroundings.states.get(name) ?? emptyGroup(name);
  const groups = request.groups.map((group) =>
    createRequestGroupView(surroundings, request, group, stateOf(group)),
  );
  const sum = (of: (group: RequestGroupView) => number) => groups.reduce((all, group) => all + of(group), 0);
  const ended = { succeeded: sum((one) => one.succeeded), failed: sum((one) => one.failed) };
  const cancelled = sum((one) => one.cancelled);
  const running = sum((one) => one.running.filter(({ stage }) => stage === 'job').length);
  const held = sum((one) => one.held);
  const skipped = count - ended.succeeded - ended.failed - cancelled - running - held;
  const view: RequestView = {
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
    ...cancelTime(request, request.groups.map(stateOf)),
    ...(retryOf !== undefined && { retryOf }),
    ...(retriedAs !== undefined && { retriedAs }),
    policy,
    groups,
  };
  const waits = groups.flatMap(({ held: some }, index) => {
    const group = request.groups[index];
    return group && some > 0 ? [explainGroup(surroundings.context, request, stateOf(group), index)] : [];
  });
  return { view, waits };
}

/** When the keeper cancels a request that waits for a person, as a whole or in some of its groups. */
function cancelTime(request: RequestRecord, states: readonly GroupState[]): Pick<RequestView, 'cancelAt'> {
  if (request.cancelAt !== undefined) return { cancelAt: request.cancelAt };
  const haltedMs = request.state === 'open' ? haltedSinceMs(request, states) : Number.POSITIVE_INFINITY;
  if (!Number.isFinite(haltedMs)) return {};
  return { cancelAt: new Date(haltedMs + HALTED_REQUEST_MS).toISOString() };
}

function createRequestGroupView(
  { context, targets }: Surroundings,
  { id, state, policy }: RequestRecord,
  { name, count, size, result }: RequestGroup,
  group: GroupState,
): RequestGroupView {
  if (result) return { name, count, size, state: 'ended', ...result, held: 0, running: [] };
  const lanes = lanesOf({ lanes: group.lanes, size: group.size ?? size }, groupLimits(context));
  const base = { name, count, size, lanes };
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

function explainGroup(context: FleetContext, request: RequestRecord, group: GroupState, index: number): Wait {
  const number = nextHeld(findRequest(group, request.id));
  const facts = { group, limits: groupLimits(context), request: requestFacts(request) };
  const reason = explainHeld({ request: request.id, number }, facts);
  return { index, state: group, reason, target: reason.what === 'target' ? reason.target : undefined };
}

const nextHeld = (request: OpenRequest | undefined) => (request && firstHeldNumber(request)) ?? 1;

async function readHolders(
  context: FleetContext,
  targets: ReadonlySet<string>,
): Promise<Map<string, TargetState | undefined>> {
  const { targets: items } = createGroups(context);
  return new Map(await mapInParallel([...targets], async (name) => [name, await items.read(name)] as const));
}

function withWaits(
  view: RequestView,
  waits: readonly Wait[],
  { context, targets }: Surroundings,
  holders: ReadonlyMap<string, TargetState | undefined>,
): RequestView {
  const nowMs = context.clock.now();
  const groups = view.groups.map((group, at) => {
    const wait = waits.find(({ index }) => index === at);
    if (!wait) return group;
    const { state, reason, target } = wait;
    const holder = target === undefined ? undefined : holders.get(target);
    const names = { group: state, request: view.id, targets, target, holder, nowMs };
    return { ...group, waitsFor: createHeldView(reason, names) };
  });
  return { ...view, groups };
}
