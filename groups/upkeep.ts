import type { GroupState } from '../policy/groups/state.ts';
import { deleteJobs } from '../store/delete-jobs.ts';
import { DROPS, type RequestRecord } from '../store/request-items.ts';
import { type Groups, HALTED_REQUEST_MS } from './groups.ts';
import { forEachBlock, skipHeld } from './request-jobs.ts';

/** How long a request may be `preparing` without progress. Its writer is taken to be gone then, and cannot go on. */
const LONGEST_SILENCE_MS = 86_400_000;

/** Why a request is cancelled that nobody resumed. */
const NOBODY_RESUMED = 'nobody resumed it within 14 days';

/**
 * Goes on with a request that others have left: drops a preparation that was cut off, takes a state to all groups, skips what is
 * held of a cancelled request, and cancels one that nobody has resumed.
 *
 * @param states the busy groups
 */
export async function keepRequest(
  groups: Groups,
  request: RequestRecord,
  states: readonly GroupState[],
  mayGoOn: () => boolean,
): Promise<void> {
  const nowMs = groups.context.clock.now();
  if (request.state === 'preparing') {
    await dropPreparing(groups, request, mayGoOn);
    return;
  }
  if (await stopCutOff(groups, request, states)) return;
  const now = (await cancelAbandoned(groups, request, states, nowMs)) ?? request;
  await groups.syncRequest(now);
  if (now.state === 'cancelled') await skipHeld(groups, now, mayGoOn);
  else await groups.endRequest(now.id);
}

/** A request tripped in a group, and the one who was to stop it everywhere did not. */
async function stopCutOff(
  groups: Groups,
  { id, state, generation }: RequestRecord,
  states: readonly GroupState[],
): Promise<boolean> {
  if (state !== 'open') return false;
  for (const { name, requests } of states) {
    const one = requests.find((open) => open.id === id);
    if (one?.state !== 'stopped' || one.generation !== generation || one.policy.stops === 'group') continue;
    await groups.stopTripped(name, one);
    return true;
  }
  return false;
}

async function cancelAbandoned(
  groups: Groups,
  request: RequestRecord,
  states: readonly GroupState[],
  nowMs: number,
): Promise<RequestRecord | undefined> {
  if (haltedSinceMs(request, states) + HALTED_REQUEST_MS > nowMs) return undefined;
  const cancelled = { state: 'cancelled' as const, reason: NOBODY_RESUMED, atMs: nowMs };
  return groups.requests.change(request.id, ['open', 'stopped', 'paused'], cancelled, request.generation);
}

/**
 * Since when a request waits for a person, as a whole or in one of its groups. Infinity: it does not. Groups of an earlier generation
 * say nothing of it: somebody has resumed it since.
 */
export function haltedSinceMs(
  { id, stoppedAt, generation }: RequestRecord,
  states: readonly GroupState[],
): number {
  const halted = states.flatMap(({ requests }) =>
    requests.filter((one) => one.id === id && one.generation === generation && one.state !== 'open'),
  );
  const sinceMs = halted.flatMap(({ haltedAtMs }) => haltedAtMs ?? []);
  return Math.min(Number.POSITIVE_INFINITY, ...sinceMs, ...(stoppedAt ? [Date.parse(stoppedAt)] : []));
}

/** Removes a request whose preparation was cut off, with its jobs. None of them has run. */
async function dropPreparing(groups: Groups, request: RequestRecord, mayGoOn: () => boolean): Promise<void> {
  const { id, writtenAt = request.submittedAt } = request;
  const { clients, table, clock } = groups.context;
  const isLeft = clock.now() - Date.parse(writtenAt) >= LONGEST_SILENCE_MS;
  const takeOver = () => (isLeft ? groups.requests.takeOver(request, DROPS, clock.now()) : undefined);
  const own = request.writer === DROPS ? request : await takeOver();
  if (!own) return;
  const isDone = await forEachBlock(
    own,
    mayGoOn,
    (ids) => deleteJobs(clients.dynamodb, table, ids),
    (done) => groups.requests.noteWritten(id, DROPS, done, clock.now()),
  );
  if (isDone) await groups.requests.remove(id, DROPS);
}
