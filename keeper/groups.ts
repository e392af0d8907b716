import { GroupContendedError } from '../groups/group-writer.ts';
import { Groups, HALTED_REQUEST_MS } from '../groups/groups.ts';
import { repairGroup } from '../groups/repair.ts';
import { dropPreparing, LONGEST_PREPARATION_MS, skipHeld } from '../groups/upkeep.ts';
import { countHeld, type GroupState } from '../policy/groups/state.ts';
import type { RequestRecord } from '../store/request-items.ts';
import type { KeeperContext } from './keeper-context.ts';

/** What the keeper's metrics say of the groups. */
export interface GroupCounts {
  /** Jobs that are held, and for how many seconds the oldest of them has been. */
  held: number;
  oldestHeldSeconds: number;
  /** Groups that are stopped, and requests that wait for a person. */
  stopped: number;
}

/** What one run may spend on groups. The next run goes on. */
const BUDGET_MS = 20_000;

/** Why a request is cancelled that nobody resumed. */
const NOBODY_RESUMED = 'nobody resumed it within 14 days';

/** Repairs the busy groups and goes on with the requests that others have left. Throws an `AggregateError` at the end. */
export async function keepGroups(context: KeeperContext): Promise<GroupCounts> {
  const { clients, config, clock } = context;
  const { table, queueUrl, recordSeconds } = config;
  const limits = { lanes: config.lanes, maxLanes: config.maxLanes };
  const groups = new Groups({ clients, table, queueUrl, recordSeconds, limits, clock, random: Math.random });
  const deadlineMs = clock.monotonic() + BUDGET_MS;
  const failures: unknown[] = [];
  const attempt = async <Result>(what: string, task: () => Promise<Result>): Promise<Result | undefined> => {
    if (clock.monotonic() > deadlineMs) return undefined;
    try {
      return await task();
    } catch (err) {
      context.log.error({ err, what }, 'a group could not be kept');
      if (!(err instanceof GroupContendedError)) failures.push(err);
      return undefined;
    }
  };
  const states: GroupState[] = [];
  for await (const name of groups.items.busyNames()) {
    const state = await attempt(name, () => repairGroup(groups, name, config.retentionSeconds * 1000));
    if (state) states.push(state);
  }
  const live: string[] = [];
  for await (const id of groups.requests.ids('live')) live.push(id);
  const requests = live.length === 0 ? [] : await groups.requests.readMany(live);
  const mayGoOn = () => clock.monotonic() <= deadlineMs;
  for (const request of requests) {
    await attempt(request.id, () => keepRequest(groups, request, states, mayGoOn));
  }
  if (failures.length > 0) throw new AggregateError(failures, `cannot keep groups: ${failures.join('; ')}`);
  return countGroups(states, clock.now());
}

async function keepRequest(
  groups: Groups,
  request: RequestRecord,
  states: readonly GroupState[],
  mayGoOn: () => boolean,
): Promise<void> {
  const nowMs = groups.context.clock.now();
  const { id, state, submittedAt, generation } = request;
  if (state === 'preparing') {
    if (nowMs - Date.parse(submittedAt) >= LONGEST_PREPARATION_MS)
      await dropPreparing(groups, request, mayGoOn);
    return;
  }
  const isAbandoned = haltedSinceMs(request, states) + HALTED_REQUEST_MS <= nowMs;
  const cancelled = isAbandoned
    ? await groups.requests.change(id, ['open', 'stopped', 'paused'], {
        state: 'cancelled',
        reason: NOBODY_RESUMED,
        atMs: nowMs,
      })
    : undefined;
  const now = cancelled ?? request;
  for (const { name, requests } of states) {
    const one = requests.find((open) => open.id === id);
    const isCutOff = one?.state === 'stopped' && one.generation === generation && state === 'open';
    if (one && isCutOff && one.policy.stops !== 'group') return groups.stopTripped(name, one);
  }
  await groups.syncRequest(now);
  if (now.state === 'cancelled') await skipHeld(groups, now, mayGoOn);
  else await groups.endRequest(id);
}

/** Since when a request waits for a person, as a whole or in one of its groups. Infinity: it does not. */
function haltedSinceMs({ id, stoppedAt }: RequestRecord, states: readonly GroupState[]): number {
  const inGroups = states.flatMap(({ requests }) =>
    requests
      .filter((one) => one.id === id && one.state !== 'open')
      .map(({ haltedAtMs }) => haltedAtMs ?? Number.POSITIVE_INFINITY),
  );
  return Math.min(stoppedAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(stoppedAt), ...inGroups);
}

function countGroups(states: readonly GroupState[], nowMs: number): GroupCounts {
  const held = states.reduce((sum, state) => sum + countHeld(state), 0);
  const since = states.flatMap(({ requests }) => requests.map(({ submittedAtMs }) => submittedAtMs));
  const oldestMs = Math.min(nowMs, ...since);
  const halted = new Set(
    states.flatMap(({ requests }) =>
      requests.filter(({ state }) => state === 'stopped' || state === 'paused').map(({ id }) => id),
    ),
  );
  const stopped = states.filter((state) => state.stopped !== undefined).length + halted.size;
  return { held, oldestHeldSeconds: held === 0 ? 0 : Math.round((nowMs - oldestMs) / 1000), stopped };
}
