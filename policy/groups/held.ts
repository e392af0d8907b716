/** Why a held job is not released, decided by the state of its group at one moment. */

import { batchEnd, splitIntoBatches } from './batches.ts';
import { lanesOf } from './release.ts';
import {
  countAllWaiting,
  findRequest,
  type GroupLimits,
  type GroupState,
  MOST_WAITING,
  mayWait,
  type OpenRequest,
  outOf,
} from './state.ts';

/** A held job. */
export interface HeldJob {
  /** Absent: the job of this number, whose record was not read. */
  id?: string | undefined;
  /** Absent: a plain job. */
  request?: string | undefined;
  /** Its number in the request and group, from 1. 0: a plain job. */
  number: number;
}

export interface HeldFacts {
  group: GroupState;
  limits: GroupLimits;
  /** What the request's own item says. Absent: a plain job. */
  request?:
    | {
        state: OpenRequest['state'] | 'preparing' | 'ended';
        reason?: string | undefined;
        sinceMs?: number | undefined;
      }
    | undefined;
}

/** What a held job waits for. Times are milliseconds since the epoch. */
export type HeldReason =
  /** The jobs of its request are still being written. */
  | { what: 'preparing' }
  | {
      what: 'request';
      state: 'stopped' | 'paused' | 'cancelled';
      reason?: string | undefined;
      sinceMs?: number | undefined;
    }
  | { what: 'group'; state: 'stopped' | 'paused'; reason?: string | undefined; sinceMs: number }
  /** Its turn came while another job had its target. Absent: its target is in its record. */
  | { what: 'target'; target?: string | undefined }
  /** So many jobs before it wait for their targets that no more of them are tried. */
  | { what: 'targets'; waiting: number }
  /** Its batch, of `batches`, comes after the current one, of which `left` jobs have not ended. */
  | { what: 'batch'; batch: number; batches: number; current: number; left: number }
  /** As many jobs of its request are out as may be. `holders`: their ids, the oldest first. */
  | { what: 'throttle'; throttle: number; holders: string[]; before: number }
  /** All lanes are taken. */
  | { what: 'lanes'; lanes: number; holders: string[]; before: number }
  /** Nothing: the next one who changes the group releases it, or the keeper within a minute. */
  | { what: 'release' };

/** The first cause that applies, in the order of `HeldReason`. Lanes come before the throttle. */
export function explainHeld(job: HeldJob, { group, limits, request }: HeldFacts): HeldReason {
  if (job.id !== undefined && job.id in group.out) return { what: 'release' };
  const open = findRequest(group, job.request);
  const halted = explainRequest(request) ?? explainRequest(open && { ...open, sinceMs: open.haltedAtMs });
  if (halted) return halted;
  if (group.stopped) {
    const { atMs, reason } = group.stopped;
    return { what: 'group', state: 'stopped', reason, sinceMs: atMs };
  }
  if (group.pausedAtMs !== undefined) return { what: 'group', state: 'paused', sinceMs: group.pausedAtMs };
  if (job.request === undefined) return explainPlain(job, group, limits);
  return open ? explainInRequest(job, open, group, limits) : { what: 'release' };
}

/** The number of the request's job that is explained for all that is held of it: the one whose turn is next. */
export function firstHeldNumber({ waiting, next, count }: OpenRequest): number | undefined {
  const numbers = Object.keys(waiting).map(Number);
  const ready = numbers.filter((number) => waiting[number] === '');
  if (ready.length > 0) return Math.min(...ready);
  if (next <= count) return next;
  return numbers.length > 0 ? Math.min(...numbers) : undefined;
}

function explainRequest(request: HeldFacts['request']): HeldReason | undefined {
  if (!request) return undefined;
  const { state, reason, sinceMs } = request;
  if (state === 'preparing') return { what: 'preparing' };
  if (state === 'open' || state === 'ended') return undefined;
  return { what: 'request', state, reason, sinceMs };
}

function explainInRequest(
  { number }: HeldJob,
  request: OpenRequest,
  group: GroupState,
  limits: GroupLimits,
): HeldReason {
  const target = request.waiting[number];
  if (target) return { what: 'target', target };
  const batch = explainBatch(number, request, group);
  if (batch) return batch;
  const { waiting, next, policy } = request;
  const ready = Object.keys(waiting).filter((one) => waiting[Number(one)] === '');
  const count = Object.keys(waiting).length;
  if (ready.length === 0 && !mayWait(group, request))
    return { what: 'targets', waiting: count >= MOST_WAITING ? count : countAllWaiting(group) };
  const before = ready.filter((one) => Number(one) < number).length + Math.max(0, number - next);
  const taken = explainLanes(group, limits, before);
  if (taken) return taken;
  const out = outOf(group, request.id);
  if (policy.throttle === undefined || out.length < policy.throttle) return { what: 'release' };
  return { what: 'throttle', throttle: policy.throttle, holders: byAge(Object.fromEntries(out)), before };
}

function explainBatch(
  number: number,
  { id, count, policy, batch, batchStart, next, waiting }: OpenRequest,
  group: GroupState,
): HeldReason | undefined {
  const { serial = [] } = policy;
  const end = batchEnd(count, serial, batchStart - 1, batch);
  if (number <= end) return undefined;
  const sizes = splitIntoBatches(count, serial);
  let last = 0;
  const own = sizes.findIndex((size) => {
    last += size;
    return number <= last;
  });
  const left = outOf(group, id).length + Object.keys(waiting).length + Math.max(0, end - next + 1);
  return { what: 'batch', batch: own + 1, batches: sizes.length, current: batch + 1, left };
}

function explainPlain({ id }: HeldJob, group: GroupState, limits: GroupLimits): HeldReason {
  const { plain, out } = group;
  const place = plain.jobs.findIndex((one) => one.id === id);
  const job = plain.jobs[place];
  if (!job && plain.stored === 0) return { what: 'release' };
  const { target } = job ?? {};
  const isBusy = target !== undefined && Object.values(out).some((one) => one.target === target);
  if (job?.waits || isBusy) return { what: 'target', target };
  const waiting = plain.jobs.filter(({ waits }) => waits).length;
  if (!job && waiting >= MOST_WAITING) return { what: 'targets', waiting };
  // The place of a job that is not in the group's own item is not known: all that are come before it.
  const ahead = job ? plain.jobs.slice(0, place) : plain.jobs;
  return explainLanes(group, limits, ahead.filter(({ waits }) => !waits).length) ?? { what: 'release' };
}

function explainLanes(group: GroupState, limits: GroupLimits, before: number): HeldReason | undefined {
  const lanes = lanesOf(group, limits);
  const holders = byAge(group.out);
  return holders.length < lanes ? undefined : { what: 'lanes', lanes, holders, before };
}

function byAge(out: GroupState['out']): string[] {
  return Object.entries(out)
    .toSorted(([, one], [, other]) => one.sinceMs - other.sinceMs || one.number - other.number)
    .map(([id]) => id);
}
