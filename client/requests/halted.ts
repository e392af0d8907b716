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

function waitsForPerson({ held, running, waitsFor }: RequestGroupView): boolean {
  if (running.some(({ stage }) => stage !== 'unhealthy')) return false;
  if (held === 0) return running.length > 0;
  return waitsFor?.what === 'request' || waitsFor?.what === 'group';
}
