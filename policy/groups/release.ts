import { batchEnd } from './batches.ts';
import { countLanes } from './lanes.ts';
import { firstReadyPlain } from './plain.ts';
import {
  type GroupLimits,
  type GroupState,
  mayWait,
  type OpenRequest,
  type OutJob,
  outOf,
  withRequest,
} from './state.ts';

/** A job that gets a lane. */
export interface Release {
  id: string;
  job: OutJob;
}

/** Returns the id of a request's job. */
export type IdOfJob = (request: string, group: string, number: number) => string;

/**
 * Gives lanes to the jobs that may run now.
 *
 * - Never more jobs are out than the group has lanes.
 * - Within a request the order is that of submission. Jobs that wait for a busy target let the others pass.
 * - Between requests, and the plain jobs as one more, it is the turn of the one whose last release is the longest ago.
 * - A request has at most `throttle` jobs out, and none beyond its current batch.
 */
export function releaseJobs(
  group: GroupState,
  limits: GroupLimits,
  nowMs: number,
  idOf: IdOfJob,
): { group: GroupState; releases: Release[] } {
  const releases: Release[] = [];
  let state = group;
  while (hasRoom(state, limits)) {
    const next = findNext(state, idOf);
    if (!next) break;
    const release = state.releases + 1;
    const job: OutJob = { ...next.job, sinceMs: nowMs, stage: 'job', release, releasedAtMs: nowMs };
    releases.push({ id: next.id, job });
    state = { ...next.without(release), releases: release, out: { ...state.out, [next.id]: job } };
  }
  return { group: state, releases };
}

/** The lanes of a group now. */
export function lanesOf({ lanes, size }: Pick<GroupState, 'lanes' | 'size'>, limits: GroupLimits): number {
  return countLanes(lanes ?? limits.lanes, { size, maxLanes: limits.maxLanes });
}

/** Whether the group has a lane to give. */
export function hasRoom(group: GroupState, limits: GroupLimits): boolean {
  if (group.stopped !== undefined || group.pausedAtMs !== undefined) return false;
  return Object.keys(group.out).length < lanesOf(group, limits);
}

interface Next {
  id: string;
  job: Pick<OutJob, 'request' | 'number' | 'target'>;
  lastRelease: number;
  /** The state in which the job is not held any more. */
  without: (release: number) => GroupState;
}

function findNext(group: GroupState, idOf: IdOfJob): Next | undefined {
  const candidates = [
    ...group.requests.map((request) => nextOfRequest(group, request, idOf)),
    nextPlain(group),
  ];
  return candidates
    .filter((one) => one !== undefined)
    .reduce<Next | undefined>(
      (first, one) => (first && first.lastRelease <= one.lastRelease ? first : one),
      undefined,
    );
}

function nextOfRequest(group: GroupState, request: OpenRequest, idOf: IdOfJob): Next | undefined {
  const number = nextNumber(group, request);
  if (number === undefined) return undefined;
  const { id, lastRelease, next } = request;
  const { [number]: _, ...waiting } = request.waiting;
  return {
    id: idOf(id, group.name, number),
    job: { request: id, number },
    lastRelease,
    without: (release) =>
      withRequest(group, {
        ...request,
        waiting,
        next: Math.max(next, number + 1),
        lastRelease: release,
      }),
  };
}

/** The number of the request's job that may run next. Undefined: none may. */
function nextNumber(group: GroupState, request: OpenRequest): number | undefined {
  const { state, policy, waiting, next, count, batch, batchStart } = request;
  if (state !== 'open') return undefined;
  if (policy.throttle !== undefined && outOf(group, request.id).length >= policy.throttle) return undefined;
  const again = Object.keys(waiting)
    .map(Number)
    .filter((number) => waiting[number] === '');
  if (again.length > 0) return Math.min(...again);
  if (!mayWait(group, request)) return undefined;
  return next <= batchEnd(count, policy.serial ?? [], batchStart - 1, batch) ? next : undefined;
}

function nextPlain(group: GroupState): Next | undefined {
  const { plain } = group;
  const job = firstReadyPlain(group);
  if (!job) return undefined;
  const jobs = plain.jobs.filter((one) => one !== job);
  return {
    id: job.id,
    job: { number: 0, ...(job.target !== undefined && { target: job.target }) },
    lastRelease: plain.lastRelease,
    without: (release) => ({ ...group, plain: { ...plain, jobs, lastRelease: release } }),
  };
}
