import type { BatchSize } from './batches.ts';
import type { FailurePolicy } from './failures.ts';
import type { Lanes } from './lanes.ts';

/**
 * The state of a group: what its item in the table has. A job is _out_ from its release to the end of its lane. Which jobs are
 * out is kept by their ids and never counted, so that no crash can leak a lane.
 */
export interface GroupState {
  name: string;
  /** Changed by each write. 0: the table has no item of the group. */
  version: number;
  /** What `group set` or a request's own setting gave. Absent: the fleet's default. */
  lanes?: Lanes | undefined;
  /** The number of targets that the group has in all. A percentage of lanes is of it. */
  size?: number | undefined;
  /** Since when an operator has paused the group. */
  pausedAtMs?: number | undefined;
  /** The job whose target stayed unhealthy, so that nothing is released until a person has looked. */
  stopped?: { atMs: number; job: string; reason: string } | undefined;
  /** The number of the last release. */
  releases: number;
  /** By the id of the job. */
  out: Record<string, OutJob>;
  requests: OpenRequest[];
  /** How many requests were removed so far: what has changed if one that is added may have been here before. */
  removals?: number | undefined;
  plain: PlainJobs;
}

/**
 * What happens in a lane: the job itself, its roll-back, the check of its target. `unhealthy`: the check failed, and a person has
 * to free the lane.
 */
export type Stage = 'job' | 'rollBack' | 'check' | 'unhealthy';

/** A job that has a lane. */
export interface OutJob {
  /** Absent: a plain job. */
  request?: string | undefined;
  /** Its number in the request and group, from 1. 0: a plain job. */
  number: number;
  /** Of a plain job. That of a request's job is in its record. */
  target?: string | undefined;
  sinceMs: number;
  stage: Stage;
  /** The job of the stage: the roll-back or the check. Absent: the job itself. */
  job?: string | undefined;
  /** The release of the stage's job. */
  release: number;
  /** When the stage's job was released. */
  releasedAtMs: number;
}

/** What a request asks of each of its groups. */
export interface RequestPolicy extends FailurePolicy {
  /** Ansible's `serial`. Absent: one batch of all. */
  serial?: BatchSize[] | undefined;
  /** Jobs that are out at a time (Ansible's `throttle`). Absent: as many as there are lanes. */
  throttle?: number | undefined;
  /** After so many batches the group waits until a person resumes the request. */
  pauseAfter?: number | undefined;
  /** The command of the fleet that checks a target after its job. */
  healthy?: string | undefined;
  /** The command of the fleet that runs after a job that failed. */
  rollBack?: string | undefined;
  /** How long the check is delayed, and how long it may take. */
  settleSeconds?: number | undefined;
  checkSeconds?: number | undefined;
  /** What a failure stops: all groups of the request, or the group in which it happened. Default `request`. */
  stops?: 'request' | 'group' | undefined;
}

/**
 * `stopped`: a failure stopped it. `paused`: a person did, or `pauseAfter`. `cancelled`: what is held will not run.
 */
export type RequestState = 'open' | 'stopped' | 'paused' | 'cancelled';

/** A request's jobs in one group. They are numbered from 1 to `count`. */
export interface OpenRequest {
  id: string;
  /** Its position in the request's list of groups. */
  index: number;
  count: number;
  policy: RequestPolicy;
  submittedAtMs: number;
  /** The next job that was never released. */
  next: number;
  /** Jobs before `next` that are to be released again, and the target that each waits for: empty for none. */
  waiting: Record<number, string>;
  state: RequestState;
  reason?: string | undefined;
  /** Since when it is stopped or paused in this group. */
  haltedAtMs?: number | undefined;
  /** Grows with each change of the request's own state that the group has taken over. */
  generation: number;
  /** The current batch, from 0, its first job and how many of its jobs failed. */
  batch: number;
  batchStart: number;
  batchFailed: number;
  /** Jobs that ended, all batches together, and how. */
  succeeded: number;
  failed: number;
  cancelled: number;
  /** The number of its last release. The request with the lowest is next. */
  lastRelease: number;
}

/** A held job that belongs to no request. */
export interface PlainJob {
  id: string;
  target?: string | undefined;
  /** Since when it is held. */
  sinceMs?: number | undefined;
  /** Its target was busy when it was last tried. */
  waits?: true | undefined;
}

/** The jobs without a request: the first ones here, and the others in items of their own, in order. */
export interface PlainJobs {
  jobs: PlainJob[];
  /** The numbers of the items: the first one that is left, and the next one to be written. */
  head: number;
  tail: number;
  /** Jobs in those items. */
  stored: number;
  lastRelease: number;
}

/** What a fleet sets for its groups. */
export interface GroupLimits {
  lanes: Lanes;
  maxLanes: number;
}

/** Open requests that a group has at most. Its item has to stay small. */
export const MOST_OPEN_REQUESTS = 50;
/** Plain jobs that the group's item has, unless these wait for targets. */
export const MOST_PLAIN = 10;
/** Sizes of batches that a request may list. */
export const MOST_BATCH_SIZES = 100;
/** A request of which so many jobs wait for targets has no further ones released, nor have plain jobs. */
export const MOST_WAITING = 100;
/** Once so many jobs of all requests wait for targets, a request has only a few that are out or wait. */
const MOST_WAITING_IN_ALL = 500;
const FEW_WAITING = 10;

export function emptyGroup(name: string): GroupState {
  return {
    name,
    version: 0,
    releases: 0,
    out: {},
    requests: [],
    plain: { jobs: [], head: 0, tail: 0, stored: 0, lastRelease: 0 },
  };
}

/** Whether something of the group is out, held, stopped or paused, so that the keeper has to look at it. */
export function isBusy({ out, requests, plain, stopped, pausedAtMs }: GroupState): boolean {
  return (
    Object.keys(out).length > 0 ||
    requests.length > 0 ||
    plain.jobs.length > 0 ||
    plain.head < plain.tail ||
    stopped !== undefined ||
    pausedAtMs !== undefined
  );
}

/** Jobs of a group that are held. */
export function countHeld({ requests, plain }: GroupState): number {
  const ofRequests = requests.reduce((sum, request) => sum + countHeldOf(request), 0);
  return ofRequests + plain.jobs.length + plain.stored;
}

export function countHeldOf({ count, next, waiting, state }: OpenRequest): number {
  return state === 'cancelled' ? 0 : count - next + 1 + Object.keys(waiting).length;
}

/**
 * Whether a job of a request may be released although its target may be busy. The targets that jobs wait for are in the group's
 * item, which has to stay small.
 */
export function mayWait(group: GroupState, request: OpenRequest): boolean {
  const own = countWaiting(request);
  if (own >= MOST_WAITING) return false;
  return countAllWaiting(group) < MOST_WAITING_IN_ALL || own + outOf(group, request.id).length < FEW_WAITING;
}

/** Jobs of all requests of a group that are to be released again. */
export function countAllWaiting({ requests }: GroupState): number {
  return requests.reduce((sum, one) => sum + countWaiting(one), 0);
}

function countWaiting({ waiting }: OpenRequest): number {
  return Object.keys(waiting).length;
}

/** The jobs of a request that are out in the group, by id. */
export function outOf({ out }: GroupState, request: string): [id: string, job: OutJob][] {
  return Object.entries(out).filter(([, job]) => job.request === request);
}

/** The state with another entry for one request. */
export function withRequest(group: GroupState, request: OpenRequest): GroupState {
  return { ...group, requests: group.requests.map((one) => (one.id === request.id ? request : one)) };
}

export function findRequest(group: GroupState, id: string | undefined): OpenRequest | undefined {
  return id === undefined ? undefined : group.requests.find((one) => one.id === id);
}
