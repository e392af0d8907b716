import { freeLane, resumeGroup } from '../policy/groups/lane.ts';
import { addPlain, addStoredPlain, hasRoomForPlain } from '../policy/groups/plain.ts';
import {
  addRequest,
  applyRequestState,
  finishedRequests,
  type NewRequest,
  recallable,
  removeRequest,
  skipReason,
} from '../policy/groups/requests.ts';
import { findRequest, type GroupState, type OpenRequest, type PlainJob } from '../policy/groups/state.ts';
import { expiryOfEnded } from '../store/expiry.ts';
import type { RequestGroup, RequestRecord } from '../store/request-items.ts';
import type { TargetHolder } from '../store/target-items.ts';
import { endOf, GroupWriter, recalled } from './group-writer.ts';

/** How long a stopped or paused request waits for a person before it is cancelled. */
export const HALTED_REQUEST_MS = 14 * 86_400_000;

/** Plain jobs that one item has at most. */
const MOST_IN_PLACE = 10;

/** What agents, the keeper and clients do with groups and their requests. */
export class Groups extends GroupWriter {
  /** Goes on with the lane of a job that has ended, or of its roll-back or check. Can be repeated. */
  async endJob(group: string, record: Parameters<typeof endOf>[0]): Promise<void> {
    await this.change(group, endOf(record, this.context.clock.now()));
  }

  /**
   * Puts held jobs without a request into their group, behind the others, and releases what may run.
   *
   * @returns the group afterwards
   */
  async addPlain(group: string, held: readonly PlainJob[]): Promise<GroupState> {
    let after: GroupState | undefined;
    const sinceMs = this.context.clock.now();
    const jobs = held.map((job) => ({ ...job, sinceMs }));
    for (let first = 0; first < jobs.length; first += MOST_IN_PLACE) {
      after = await this.#addPlain(group, jobs.slice(first, first + MOST_IN_PLACE));
    }
    return after ?? this.items.read(group);
  }

  async #addPlain(group: string, jobs: readonly PlainJob[]): Promise<GroupState> {
    for (;;) {
      let place: number | undefined;
      const after = await this.change(group, (now) => {
        place = hasRoomForPlain(now, jobs.length) ? undefined : now.plain.tail;
        return place === undefined ? { group: addPlain(now, jobs) } : undefined;
      });
      if (place === undefined) return after;
      if (!(await this.items.putPlace(group, place, jobs, this.context.clock.now()))) {
        // Somebody who wrote this place may not have noted it in the group yet. Then this does.
        await this.noteStoredPlace(group, place);
        continue;
      }
      const noted = await this.#notePlace(group, place, jobs.length);
      if (!noted.isPast) return noted.group;
      // The place was used by another and taken meanwhile, so that nobody reads it again.
      await this.items.deletePlace(group, place);
    }
  }

  /**
   * Brings a request's groups to the request's state: they take it, go on, stop or forget what is held. Can be repeated.
   *
   * @param onGroup called after each group
   */
  async syncRequest(request: RequestRecord, onGroup?: (group: RequestGroup) => void): Promise<void> {
    for (const [index, group] of request.groups.entries()) {
      if (group.result === undefined) await this.#syncGroup(request, index);
      onGroup?.(group);
    }
  }

  async #syncGroup(request: RequestRecord, index: number): Promise<void> {
    const { id, state, generation, reason } = request;
    const { name } = request.groups[index] as RequestGroup;
    if (state === 'preparing' || state === 'ended') return;
    if (await this.#addRequest(id, index, name)) return;
    const nowMs = this.context.clock.now();
    await this.change(name, (group) => ({
      group: applyRequestState(group, id, { state, generation, reason }, nowMs),
    }));
    if (state !== 'open') await this.recallRequest(name, id);
  }

  /** Adds a request to a group. False: it is there. Nothing happens if the group has had it and has forgotten it. */
  async #addRequest(id: string, index: number, name: string): Promise<boolean> {
    for (;;) {
      const before = await this.items.read(name);
      if (findRequest(before, id)) return false;
      // A group forgets a request only after the request has the group's result.
      const request = await this.requests.read(id);
      const added = request && toNewRequest(request, index);
      if (!added) return true;
      let isAdded = false;
      await this.change(name, (group) => {
        isAdded = group.removals === before.removals && !findRequest(group, id);
        return isAdded ? { group: addRequest(group, added) } : undefined;
      });
      if (isAdded) return true;
    }
  }

  /** Takes back what was released of a request in a group and has not begun. */
  async recallRequest(name: string, request: string): Promise<void> {
    const group = await this.items.read(name);
    // It was resumed meanwhile.
    if (findRequest(group, request)?.state === 'open') return;
    for (const id of recallable(group, request)) await this.recallJob(group, id);
  }

  /** Takes back the release of a job that has not begun. */
  async recallJob(group: GroupState, id: string): Promise<void> {
    const { release, target, request } = group.out[id] ?? {};
    if (release === undefined || !(await this.jobs.recall(id, release))) return;
    const taken = target ?? (await this.jobs.get(id))?.target;
    await this.change(group.name, (now) => {
      const step = recalled(now, id, release);
      return step && taken !== undefined ? { ...step, free: { target: taken, job: id, release } } : step;
    });
    const cancelled = findRequest(group, request);
    if (cancelled?.state === 'cancelled')
      await this.jobs.endHeld(id, 'skipped', skipReason(cancelled), this.context.clock.now());
  }

  /** Frees the lane of a job whose target is unhealthy. False: it is not. */
  async free(name: string, id: string): Promise<boolean> {
    const group = await this.items.read(name);
    if (group.out[id]?.stage !== 'unhealthy') return false;
    const target = (await this.jobs.get(id))?.target;
    await this.change(name, (now) => {
      const { stage, release = 0 } = now.out[id] ?? {};
      if (stage !== 'unhealthy') return undefined;
      const step = { group: freeLane(now, id, this.context.clock.now()) };
      return target === undefined ? step : { ...step, free: { target, job: id, release } };
    });
    return true;
  }

  /** Ends a pause or a stop of a group, and frees the lanes whose targets are unhealthy by now. */
  async resume(name: string): Promise<GroupState> {
    const { out } = await this.items.read(name);
    for (const [id, { stage }] of Object.entries(out)) if (stage === 'unhealthy') await this.free(name, id);
    return this.change(name, (now) => ({ group: resumeGroup(now) }));
  }

  /** Frees a target whose job is out no more. */
  async freeStale(target: string, holder: TargetHolder): Promise<void> {
    if (!(await this.isHeld(holder))) await this.giveBack(target, holder);
  }

  protected override async onChanged(group: GroupState, tripped: ReadonlySet<string>): Promise<void> {
    if (this.context.leavesRequests) return;
    for (const id of tripped) {
      const request = findRequest(group, id);
      if (request) await this.stopTripped(group.name, request);
    }
    for (const request of finishedRequests(group)) await this.#finish(group.name, request);
  }

  /** A request tripped in a group: it stops in all of its groups, or in this one alone. */
  async stopTripped(group: string, { id, policy, reason, generation }: OpenRequest): Promise<void> {
    if (policy.stops === 'group') {
      await this.recallRequest(group, id);
      return;
    }
    const atMs = this.context.clock.now();
    const stopped = {
      state: 'stopped' as const,
      reason: `${group}: ${reason}`,
      atMs,
      cancelAtMs: atMs + HALTED_REQUEST_MS,
    };
    await this.requests.change(id, ['open', 'paused'], stopped, generation);
    const now = await this.requests.read(id);
    if (now) await this.syncRequest(now);
  }

  /** Notes the result of a request in a group, and then removes it there. */
  async #finish(group: string, request: OpenRequest): Promise<void> {
    const { id, index, succeeded, failed, cancelled } = request;
    const after = await this.requests.finishGroup(id, index, { succeeded, failed, cancelled });
    if (after) await this.#endIfOver(after);
    await this.change(group, (now) =>
      finishedRequests(now).some((one) => one.id === id) ? { group: removeRequest(now, id) } : undefined,
    );
  }

  /** Ends a request of which nothing is left to be done. */
  async endRequest(id: string): Promise<void> {
    const request = await this.requests.read(id);
    if (request) await this.#endIfOver(request);
  }

  async #endIfOver(request: RequestRecord): Promise<void> {
    if (!isOver(request)) return;
    const nowMs = this.context.clock.now();
    await this.requests.end(request, nowMs, expiryOfEnded(nowMs, this.context.recordSeconds));
  }

  /** Notes plain jobs that were written behind the others, if the group does not have their number yet. */
  async noteStoredPlace(group: string, number: number): Promise<void> {
    const stored = await this.items.readPlace(group, number);
    if (stored) await this.#notePlace(group, number, stored.length);
  }

  /** `isPast`: the group was beyond this place before. */
  async #notePlace(
    name: string,
    number: number,
    jobs: number,
  ): Promise<{ group: GroupState; isPast: boolean }> {
    let isPast = false;
    const group = await this.change(name, (now) => {
      isPast = number < now.plain.head;
      return now.plain.tail === number ? { group: addStoredPlain(now, jobs) } : undefined;
    });
    return { group, isPast };
  }
}

/** Undefined: it has ended in this group, or has not begun. */
function toNewRequest(request: RequestRecord, index: number): NewRequest | undefined {
  const { id, state, policy, generation, reason, submittedAt } = request;
  const { count, size, result } = request.groups[index] as RequestGroup;
  if (state === 'preparing' || state === 'ended' || result) return undefined;
  return {
    id,
    index,
    count,
    policy,
    submittedAtMs: Date.parse(submittedAt),
    generation,
    state,
    reason,
    size,
  };
}

/** Each group has its result, and what was held of a cancelled request is skipped. */
function isOver({ state, groups, count, progress = 0 }: RequestRecord): boolean {
  return groups.every(({ result }) => result) && (state !== 'cancelled' || progress >= count);
}
