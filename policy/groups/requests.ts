import {
  findRequest,
  type GroupState,
  MOST_OPEN_REQUESTS,
  type OpenRequest,
  outOf,
  type RequestPolicy,
  type RequestState,
  withRequest,
} from './state.ts';

/** What a group has to know of a request that comes. */
export interface NewRequest
  extends Pick<
    OpenRequest,
    'id' | 'index' | 'count' | 'policy' | 'submittedAtMs' | 'generation' | 'state' | 'reason'
  > {
  size: number;
}

/** The group takes no more requests. */
export function isFull({ requests }: GroupState): boolean {
  return requests.length >= MOST_OPEN_REQUESTS;
}

/** Adds a request to a group, once. Its size becomes the group's. Nothing is left to be done of one that was cancelled before. */
export function addRequest(group: GroupState, { size, ...request }: NewRequest): GroupState {
  if (findRequest(group, request.id)) return group;
  const open: OpenRequest = {
    ...request,
    next: request.state === 'cancelled' ? request.count + 1 : 1,
    waiting: {},
    batch: 0,
    batchStart: 1,
    batchFailed: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    lastRelease: 0,
  };
  return { ...group, size, requests: [...group.requests, open] };
}

/** The state of a request as its own item has it. */
export interface RequestChange {
  state: RequestState;
  generation: number;
  reason?: string | undefined;
}

/**
 * Takes over a later state of the request. A request that goes on counts its failures anew, and does not pause again.
 * Nothing changes if the group has this generation already.
 */
export function applyRequestState(
  group: GroupState,
  id: string,
  change: RequestChange,
  nowMs: number,
): GroupState {
  const request = findRequest(group, id);
  if (!request || request.generation >= change.generation || request.state === 'cancelled') return group;
  const { reason: _, haltedAtMs = nowMs, ...kept } = request;
  const { state, generation, reason } = change;
  const next: OpenRequest = { ...kept, state, generation, ...(reason !== undefined && { reason }) };
  if (state === 'open') {
    return withRequest(group, { ...next, policy: resumedPolicy(request), batchFailed: 0 });
  }
  if (state !== 'cancelled') return withRequest(group, { ...next, haltedAtMs });
  return withRequest(group, { ...next, next: request.count + 1, waiting: {} });
}

/** A group in which the request is open need not pause: it has paused in another one, and this ends it in all. */
function resumedPolicy({ state, policy }: OpenRequest): RequestPolicy {
  const { pauseAfter: _, ...others } = policy;
  return state === 'open' ? others : policy;
}

/** Jobs of a request that are released and may not have begun: those to be recalled when it stops. */
export function recallable(group: GroupState, id: string): string[] {
  return outOf(group, id)
    .filter(([, { stage }]) => stage === 'job')
    .map(([job]) => job);
}

/** Why a job of a cancelled request did not run. */
export function skipReason({ id, reason }: { id: string; reason?: string | undefined }): string {
  return `request ${id} was cancelled${reason === undefined ? '' : `: ${reason}`}`;
}

/** The requests of which nothing is left to be done in this group. */
export function finishedRequests(group: GroupState): OpenRequest[] {
  return group.requests.filter(
    ({ id, next, count, waiting }) =>
      next > count && Object.keys(waiting).length === 0 && outOf(group, id).length === 0,
  );
}

export function removeRequest(group: GroupState, id: string): GroupState {
  const requests = group.requests.filter((request) => request.id !== id);
  return { ...group, requests, removals: (group.removals ?? 0) + 1 };
}
