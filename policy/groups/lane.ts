import { batchEnd } from './batches.ts';
import { shouldTrip } from './failures.ts';
import type { Release } from './release.ts';
import {
  findRequest,
  type GroupState,
  type OpenRequest,
  type OutJob,
  outOf,
  type PlainJob,
  type RequestPolicy,
  withRequest,
} from './state.ts';

/** How a job ended: its terminal state, and whether a worker was ever started for it. */
export interface JobResult {
  state: 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'lost' | 'skipped';
  hasRun: boolean;
}

export interface LaneChange {
  group: GroupState;
  /** The lane is free. Before the group is written, the job's target has to be given back. */
  isFree: boolean;
  /** The roll-back or the check that now runs in the lane. */
  staged?: Release | undefined;
  /** A request that tripped by this end: what was released of it and has not begun is to be recalled. */
  tripped?: string | undefined;
}

const FAILED: ReadonlySet<JobResult['state']> = new Set(['failed', 'timed_out', 'lost']);

function isFailure({ state }: JobResult): boolean {
  return FAILED.has(state);
}

/**
 * The end of what ran in a lane. After the job comes the roll-back, if the job failed and its request names one, and then the
 * check of the target, if the request names one and a worker was ever started. Then the lane is free. If the check fails, or a
 * roll-back that no check follows, the lane stays taken and the group stops.
 *
 * Undefined: the job is not out, or the end is not that of the lane's present stage.
 *
 * @param id the main job's
 * @param ended the job that ended: the main job, its roll-back or its check
 * @param idOfStage returns the id of the roll-back or the check of a job
 */
export function endStage(
  group: GroupState,
  { id, ended, result }: { id: string; ended: string; result: JobResult },
  nowMs: number,
  idOfStage: (id: string, stage: 'rollBack' | 'check') => string,
): LaneChange | undefined {
  const job = group.out[id];
  if (!job || job.stage === 'unhealthy' || ended !== (job.job ?? id)) return undefined;
  const request = findRequest(group, job.request);
  if (!request) return { group: withoutJob(group, id), isFree: true };
  const counted = job.stage === 'job' ? countEnd(request, result, nowMs) : { request, tripped: false };
  const state = withRequest(group, counted.request);
  const tripped = counted.tripped ? request.id : undefined;
  const next = nextStage(job, result, request.policy);
  if (next === 'free')
    return { group: endBatch(withoutJob(state, id), request.id, nowMs), isFree: true, tripped };
  if (next === 'unhealthy')
    return { group: stopGroup(state, id, job, nowMs), isFree: false, tripped: request.id };
  const release = state.releases + 1;
  const staged: OutJob = { ...job, stage: next, job: idOfStage(id, next), release, releasedAtMs: nowMs };
  const out = { ...state.out, [id]: staged };
  return { group: { ...state, releases: release, out }, isFree: false, staged: { id, job: staged }, tripped };
}

function nextStage(
  { stage }: OutJob,
  result: JobResult,
  { rollBack, healthy }: RequestPolicy,
): 'rollBack' | 'check' | 'free' | 'unhealthy' {
  if (stage === 'check') return result.state === 'succeeded' ? 'free' : 'unhealthy';
  if (stage === 'job') {
    if (!result.hasRun) return 'free';
    if (rollBack !== undefined && isFailure(result)) return 'rollBack';
  }
  if (healthy !== undefined) return 'check';
  return stage === 'job' || result.state === 'succeeded' ? 'free' : 'unhealthy';
}

/** Counts the end of a request's job, and stops the request if that was one failure too many. */
function countEnd(
  request: OpenRequest,
  result: JobResult,
  nowMs: number,
): { request: OpenRequest; tripped: boolean } {
  if (result.state === 'succeeded')
    return { request: { ...request, succeeded: request.succeeded + 1 }, tripped: false };
  if (!isFailure(result))
    return { request: { ...request, cancelled: request.cancelled + 1 }, tripped: false };
  const failed = { ...request, failed: request.failed + 1, batchFailed: request.batchFailed + 1 };
  const batchSize = lastOfBatch(request) - request.batchStart + 1;
  const hasTripped = shouldTrip({ batchSize, batchFailed: failed.batchFailed }, request.policy);
  if (!hasTripped || request.state === 'stopped' || request.state === 'cancelled')
    return { request: failed, tripped: false };
  const which = batchSize === 1 ? 'the only job' : `${failed.batchFailed} of the ${batchSize} jobs`;
  const reason = `${which} of batch ${request.batch + 1} failed`;
  return { request: { ...failed, state: 'stopped', reason, haltedAtMs: nowMs }, tripped: true };
}

function lastOfBatch({ count, policy, batchStart, batch }: OpenRequest): number {
  return batchEnd(count, policy.serial ?? [], batchStart - 1, batch);
}

/** Begins the next batch if the last job of this one has ended, or pauses the request before it. */
function endBatch(group: GroupState, id: string, nowMs: number): GroupState {
  const request = findRequest(group, id);
  if (!request || !isBatchOver(group, request) || request.next > request.count) return group;
  const next = { ...request, batch: request.batch + 1, batchStart: request.next, batchFailed: 0 };
  const pauses = request.state === 'open' && request.policy.pauseAfter === next.batch;
  const reason = `it was to pause after batch ${next.batch}`;
  return withRequest(group, pauses ? { ...next, state: 'paused', reason, haltedAtMs: nowMs } : next);
}

function isBatchOver(group: GroupState, request: OpenRequest): boolean {
  return (
    request.next > lastOfBatch(request) &&
    Object.keys(request.waiting).length === 0 &&
    outOf(group, request.id).length === 0
  );
}

function stopGroup(group: GroupState, id: string, job: OutJob, nowMs: number): GroupState {
  const unhealthy: OutJob = { ...job, stage: 'unhealthy' };
  const request = findRequest(group, job.request);
  const reason = whyUnhealthy(id, request);
  const state: GroupState = {
    ...group,
    out: { ...group.out, [id]: unhealthy },
    stopped: group.stopped ?? { atMs: nowMs, job: id, reason },
  };
  return request?.state === 'open' || request?.state === 'paused'
    ? withRequest(state, { ...request, state: 'stopped', reason, haltedAtMs: nowMs })
    : state;
}

/** A failed roll-back makes a lane unhealthy only if no check follows it. */
function whyUnhealthy(id: string, request: OpenRequest | undefined): string {
  const isChecked = request?.policy.healthy !== undefined;
  return `job ${id}: ${isChecked ? 'the check of its target failed' : 'its roll-back failed'}`;
}

function withoutJob(group: GroupState, id: string): GroupState {
  const { [id]: _, ...out } = group.out;
  return { ...group, out };
}

/**
 * Takes the lane from a job that was released and has not begun, because its request stopped or its target is busy. It is
 * released again when it may run.
 *
 * @param target the busy target that it waits for
 */
export function recallJob(group: GroupState, id: string, target?: string): GroupState {
  const job = group.out[id];
  if (job?.stage !== 'job') return group;
  const state = withoutJob(group, id);
  const request = findRequest(state, job.request);
  if (request) {
    const waiting = { ...request.waiting, [job.number]: target ?? '' };
    return request.state === 'cancelled' ? state : withRequest(state, { ...request, waiting });
  }
  if (job.request !== undefined) return state;
  const again = {
    id,
    ...(job.target !== undefined && { target: job.target }),
    ...(target && { waits: true as const }),
  };
  return { ...state, plain: { ...state.plain, jobs: [again, ...state.plain.jobs] } };
}

/** A target is free: the jobs that wait for it may run. Without a target all may be tried again. */
export function freeTarget(group: GroupState, target?: string): GroupState {
  const isFree = (waiting: string | undefined) => target === undefined || waiting === target;
  const becomesFree = (waiting: string) => waiting !== '' && isFree(waiting);
  const isPlainFree = (job: PlainJob) => job.waits === true && isFree(job.target);
  const isAnyFree =
    group.plain.jobs.some(isPlainFree) ||
    group.requests.some(({ waiting }) => Object.values(waiting).some(becomesFree));
  // Unchanged, so that it is not written.
  if (!isAnyFree) return group;
  const requests = group.requests.map((request) => {
    const waiting = Object.entries(request.waiting).map(([number, name]) => [
      number,
      becomesFree(name) ? '' : name,
    ]);
    return { ...request, waiting: Object.fromEntries(waiting) as Record<number, string> };
  });
  const jobs = group.plain.jobs.map((job) => {
    const { waits: _, ...free } = job;
    return isPlainFree(job) ? free : job;
  });
  return { ...group, requests, plain: { ...group.plain, jobs } };
}

/** A person frees the lane of a job whose target is unhealthy, or whose end nobody will report. */
export function freeLane(group: GroupState, id: string, nowMs: number): GroupState {
  const { request = '' } = group.out[id] ?? {};
  return goOn(endBatch(withoutJob(group, id), request, nowMs));
}

/** A person ends the pause of a group. Its stop remains if a target is unhealthy that nobody has looked at. */
export function resumeGroup(group: GroupState): GroupState {
  const { pausedAtMs: _, ...resumed } = group;
  return goOn(resumed);
}

/** Ends the stop of a group. If another target is unhealthy, it is stopped for that one. */
function goOn({ stopped, ...group }: GroupState): GroupState {
  const [job, out] = Object.entries(group.out).find(([, { stage }]) => stage === 'unhealthy') ?? [];
  if (!stopped || job === undefined) return group;
  const reason = whyUnhealthy(job, findRequest(group, out?.request));
  return { ...group, stopped: { ...stopped, job, reason } };
}
