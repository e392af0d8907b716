import { findNumbers } from '../../jobs/released.ts';
import { explainHeld, type HeldReason } from '../../policy/groups/held.ts';
import { emptyGroup, type GroupState } from '../../policy/groups/state.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import type { FleetContext } from '../context.ts';
import { FleetError } from '../errors.ts';
import { explainError } from '../explain.ts';
import { createGroups, groupLimits } from '../groups/create.ts';
import { createHeldView, namedHolders } from '../groups/held.ts';
import { createJobIndex } from '../job-records.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import type { JobView } from './view.ts';

/**
 * The jobs, with what the held ones wait for. If some are held, their groups and requests are read, a hundred with each call. If
 * that fails, `waitsFor` says so.
 */
export async function withHeld(context: FleetContext, jobs: readonly JobView[]): Promise<JobView[]> {
  const held = jobs.filter(isHeld);
  if (held.length === 0) return [...jobs];
  try {
    const found = await readHeld(context, held);
    return jobs.map((job) => {
      const waitsFor = found.get(job.id);
      return waitsFor ? { ...job, waitsFor } : job;
    });
  } catch (thrown) {
    const error = explainError(context.facts, thrown);
    if (!(error instanceof FleetError)) throw error;
    const waitsFor = { what: 'unknown' as const, text: `it is not known. ${error.message}` };
    return jobs.map((job) => (isHeld(job) ? { ...job, waitsFor } : job));
  }
}

type HeldView = JobView & { group: string };

const isHeld = (job: JobView): job is HeldView => job.state === 'held' && job.group !== undefined;

async function readHeld(context: FleetContext, jobs: readonly HeldView[]) {
  const { items, requests: requestItems, targets: targetItems } = createGroups(context);
  const [states, records] = await Promise.all([
    items.readMany(new Set(jobs.map(({ group }) => group))),
    requestItems.readMany(new Set(jobs.flatMap(({ requestId }) => requestId ?? []))),
  ]);
  const groups = new Map(states.map((state) => [state.name, state]));
  const requests = new Map(records.map((record) => [record.id, record]));
  const numbers = numbersOf(jobs, requests);
  const reasons = jobs.map((job) => ({
    job,
    reason: explainOne(context, job, numbers.get(job.id) ?? 0, groups, requests),
  }));
  const named = await createJobIndex(context).getMany(
    new Set(reasons.flatMap(({ reason }) => namedHolders(reason))),
  );
  const targets = new Map(
    [...named].flatMap(([id, { target }]) => (target === undefined ? [] : [[id, target] as const])),
  );
  const busy = reasons.flatMap(({ job, reason }) =>
    reason.what === 'target' && job.target ? [job.target] : [],
  );
  const holders = new Map(
    await mapInParallel([...new Set(busy)], async (name) => [name, await targetItems.read(name)] as const),
  );
  const nowMs = context.clock.now();
  return new Map(
    reasons.map(({ job, reason }) => {
      const { id, group, target, requestId: request } = job;
      const holder = target === undefined ? undefined : holders.get(target);
      const names = {
        group: groups.get(group) ?? emptyGroup(group),
        request,
        targets,
        target,
        holder,
        nowMs,
      };
      return [id, createHeldView(reason, names)] as const;
    }),
  );
}

function explainOne(
  context: FleetContext,
  { id, group, requestId }: HeldView,
  number: number,
  groups: ReadonlyMap<string, GroupState>,
  requests: ReadonlyMap<string, RequestRecord>,
): HeldReason {
  const facts = { group: groups.get(group) ?? emptyGroup(group), limits: groupLimits(context) };
  // A number shows that the request made the job. A job of `enqueue` can have any request id.
  const record = number > 0 && requestId !== undefined ? requests.get(requestId) : undefined;
  if (!record) return explainHeld({ id, number: 0 }, facts);
  return explainHeld({ id, request: record.id, number }, { ...facts, request: requestFacts(record) });
}

/** What the explanation needs of a request's own item. */
export function requestFacts({ state, reason, stoppedAt }: RequestRecord) {
  return { state, reason, sinceMs: stoppedAt === undefined ? undefined : Date.parse(stoppedAt) };
}

/** The number of each request's job in its group. */
function numbersOf(
  jobs: readonly HeldView[],
  requests: ReadonlyMap<string, RequestRecord>,
): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const [, some] of Map.groupBy(jobs, ({ requestId, group }) => `${requestId}\n${group}`)) {
    const { requestId = '', group = '' } = some[0] ?? {};
    const { count = 0 } = requests.get(requestId)?.groups.find(({ name }) => name === group) ?? {};
    const ids = new Set(some.map(({ id }) => id));
    for (const [id, number] of findNumbers(requestId, { group, count }, ids)) numbers.set(id, number);
  }
  return numbers;
}
