import type { RequestGroupView, RequestView } from './types.ts';

/** Whether a request has ended: all of its jobs have, and what was held of a cancelled one is skipped. */
export function hasEnded({ endedAt }: RequestView): boolean {
  return endedAt !== undefined;
}

/** Whether nothing of a request runs, and nothing will until a person does something. */
export function isHalted(request: RequestView): boolean {
  const open = request.groups.filter(({ state }) => state !== 'ended');
  return !hasEnded(request) && open.length > 0 && open.every(waitsForPerson);
}

/** Whether a failure has stopped a request in a group, and the request itself is about to be stopped: what it says is not all yet. */
export function isStopping({ state, policy, groups }: RequestView): boolean {
  return state === 'open' && policy.stops !== 'group' && groups.some((group) => group.state === 'stopped');
}

function waitsForPerson({ held, running, waitsFor }: RequestGroupView): boolean {
  if (running.some(({ stage }) => stage !== 'unhealthy')) return false;
  if (held === 0) return running.length > 0;
  return waitsFor?.what === 'request' || waitsFor?.what === 'group';
}
