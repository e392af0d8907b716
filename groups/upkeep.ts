import { requestJobId } from '../jobs/released.ts';
import type { GroupState } from '../policy/groups/state.ts';
import type { RequestRecord } from '../store/request-items.ts';
import { type Groups, HALTED_REQUEST_MS } from './groups.ts';

/** Jobs that are skipped or dropped at the same time. */
const AT_ONCE = 32;
/** Jobs after which the request notes how far it is. */
const NOTE_EVERY = 1024;

/** How long a request may be prepared. Then the one who did it is taken to be gone. */
const LONGEST_PREPARATION_MS = 86_400_000;

/** Why a request is cancelled that nobody resumed. */
const NOBODY_RESUMED = 'nobody resumed it within 14 days';

/** Why a job of a cancelled request did not run. */
function skipReason({ id, reason }: Pick<RequestRecord, 'id' | 'reason'>): string {
  return `request ${id} was cancelled${reason === undefined ? '' : `: ${reason}`}`;
}

/**
 * Ends what is held of a cancelled request: `skipped`. Goes on where it was cut off.
 *
 * @param mayGoOn asked after each block; false leaves the rest to the next call
 * @returns whether all jobs were looked at
 */
export async function skipHeld(
  groups: Groups,
  request: RequestRecord,
  mayGoOn: (done: number) => boolean = () => true,
): Promise<boolean> {
  const reason = skipReason(request);
  const isDone = await forEachBlock(groups, request, mayGoOn, async (ids) => {
    await Promise.all(
      ids.map((id) => groups.jobs.endHeld(id, 'skipped', reason, groups.context.clock.now())),
    );
  });
  if (isDone) await groups.endRequest(request.id);
  return isDone;
}

/** Removes a request whose preparation was cut off, with its jobs. None of them has run. */
async function dropPreparing(
  groups: Groups,
  request: RequestRecord,
  mayGoOn: (done: number) => boolean = () => true,
): Promise<boolean> {
  const isDone = await forEachBlock(groups, request, mayGoOn, (ids) => groups.jobs.deleteMany(ids));
  if (isDone) await groups.requests.remove(request.id, 'preparing');
  return isDone;
}

/** Goes through the ids of a request's jobs, and notes how far it is. */
async function forEachBlock(
  groups: Groups,
  request: RequestRecord,
  mayGoOn: (done: number) => boolean,
  task: (ids: readonly string[]) => Promise<void>,
): Promise<boolean> {
  const { id, state } = request;
  // A preparation counts what it has written: all of that is dropped, from the beginning.
  let done = 0;
  const from = state === 'cancelled' ? (request.progress ?? 0) : 0;
  let block: string[] = [];
  const finishBlock = async () => {
    await task(block);
    block = [];
    if (state === 'cancelled' && done % NOTE_EVERY < AT_ONCE)
      await groups.requests.noteProgress(id, state, done);
  };
  for (const jobId of jobIds(request)) {
    done += 1;
    if (done <= from) continue;
    block.push(jobId);
    if (block.length < AT_ONCE) continue;
    await finishBlock();
    if (!mayGoOn(done)) {
      if (state === 'cancelled') await groups.requests.noteProgress(id, state, done);
      return false;
    }
  }
  await finishBlock();
  if (state === 'cancelled') await groups.requests.noteProgress(id, state, request.count);
  return true;
}

/** The ids of a request's jobs, group by group. */
export function* jobIds({ id, groups }: Pick<RequestRecord, 'id' | 'groups'>): Generator<string> {
  for (const { name, count } of groups) {
    for (let number = 1; number <= count; number += 1) yield requestJobId(id, name, number);
  }
}

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
    const isLeft = nowMs - Date.parse(request.submittedAt) >= LONGEST_PREPARATION_MS;
    if (isLeft) await dropPreparing(groups, request, mayGoOn);
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
  return groups.requests.change(request.id, ['open', 'stopped', 'paused'], cancelled);
}

/** Since when a request waits for a person, as a whole or in one of its groups. Infinity: it does not. */
function haltedSinceMs({ id, stoppedAt }: RequestRecord, states: readonly GroupState[]): number {
  const halted = states.flatMap(({ requests }) =>
    requests.flatMap((one) => (one.id === id && one.state !== 'open' ? (one.haltedAtMs ?? []) : [])),
  );
  return Math.min(Number.POSITIVE_INFINITY, ...halted, ...(stoppedAt ? [Date.parse(stoppedAt)] : []));
}
