import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { type JobRecord, TERMINAL_STATES } from '../jobs/record.ts';
import { createReleaseMessage, requestJobId, stageJobId } from '../jobs/released.ts';
import { backoffMs } from '../lib/backoff.ts';
import { endStage, freeTarget, type JobResult, recallJob } from '../policy/groups/lane.ts';
import { needsStoredPlain, takeStoredPlain } from '../policy/groups/plain.ts';
import { hasRoom, type Release, releaseJobs } from '../policy/groups/release.ts';
import { findRequest, type GroupState, type OutJob } from '../policy/groups/state.ts';
import { GroupItems } from '../store/group-items.ts';
import { HeldJobs } from '../store/held-jobs.ts';
import { RequestItems } from '../store/request-items.ts';
import { type TargetHolder, TargetItems } from '../store/target-items.ts';
import type { GroupContext } from './context.ts';
import { createStageRecord } from './stage-record.ts';

/** What a change makes of a group. */
export interface Step {
  group: GroupState;
  /** The target that has to be given back before the group is written, and the job that has it. */
  free?: { target: string; job: string; release: number } | undefined;
  /** The roll-back or the check that now runs in a lane. */
  staged?: Release | undefined;
  /** A request that stopped by this change. */
  tripped?: string | undefined;
}

/** A change of a group, as a pure function of its state. Undefined: there is nothing to change. */
export type Change = (group: GroupState) => Step | undefined;

interface Swapped {
  group: GroupState;
  releases: Release[];
  tripped: string | undefined;
  /** Groups that wait for a target that is free now, and that target. */
  waiting: ReadonlyMap<string, string>;
}

/** Attempts to write a group that others write at the same time. */
const MOST_SWAPS = 200;
const SWAP_WAITS = { initialMs: 5, maxMs: 500 };

const COUNTS = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

/** The group was written by others again and again. */
export class GroupContendedError extends Error {
  constructor(group: string) {
    super(`the group ${group} was changed by others at each of ${MOST_SWAPS} attempts to change it`);
    this.name = 'GroupContendedError';
  }
}

/**
 * Changes groups. Each change is one conditional write of the group's item, and decides in the same write which jobs get a lane, so
 * that no job waits beside a free lane. What follows a write (a job's record, its target, its message) can be repeated: the keeper
 * does again what was cut off.
 */
export class GroupWriter {
  readonly context: GroupContext;
  readonly items: GroupItems;
  readonly targets: TargetItems;
  readonly requests: RequestItems;
  readonly jobs: HeldJobs;

  constructor(context: GroupContext) {
    const { clients, table, recordSeconds } = context;
    this.context = context;
    this.items = new GroupItems(clients.dynamodb, table);
    this.targets = new TargetItems(clients.dynamodb, table);
    this.requests = new RequestItems(clients.dynamodb, table);
    this.jobs = new HeldJobs(clients.dynamodb, table, recordSeconds);
  }

  /**
   * Changes a group, and releases what may run then. Returns the group after the last write. If a release fails, the others go on,
   * and it rejects in the end: the keeper repeats that release.
   */
  async change(name: string, change: Change): Promise<GroupState> {
    const changes = [change];
    const tripped = new Set<string>();
    const failures: unknown[] = [];
    for (;;) {
      const swapped = await this.#swap(name, changes.shift() ?? change);
      const { group, releases } = swapped;
      if (swapped.tripped !== undefined) tripped.add(swapped.tripped);
      const results = await Promise.allSettled(releases.map((release) => this.release(group, release)));
      for (const result of results) {
        if (result.status === 'rejected') failures.push(result.reason);
        else if (result.value) changes.push(result.value);
      }
      for (const [waiting, target] of swapped.waiting) {
        if (waiting === name) changes.push(tryAgain(target));
        else await this.change(waiting, tryAgain(target));
      }
      if (changes.length > 0) continue;
      await this.onChanged(group, tripped);
      if (failures.length > 0) throw failures[0];
      return group;
    }
  }

  /** Called after the last write of a change, with the requests that it stopped. */
  protected async onChanged(_group: GroupState, _tripped: ReadonlySet<string>): Promise<void> {}

  /**
   * Makes a job that has a lane run: its record, its target, its message. Everything here can be repeated.
   *
   * @returns the change that has to follow, if the job cannot run
   */
  async release(group: GroupState, { id, job }: Release): Promise<Change | undefined> {
    const own = job.job ?? id;
    if (isStaged(job)) await this.#createStage(group, id, job);
    const { kind, record } = await this.jobs.release(own, job.release, job.releasedAtMs);
    if (kind === 'unchanged') {
      const over = unreleased(id, own, job, record);
      if (over) return over;
      if (record?.state !== 'held' || record.release !== job.release) return undefined;
    }
    if (!record) return undefined;
    if (!isStaged(job) && record.target !== undefined) {
      const holder = await this.#take(record.target, { job: id, release: job.release, group: group.name });
      // This release is over, and the job is out again.
      if (holder === id) return undefined;
      if (holder !== undefined) return this.#waitFor(group.name, id, job, record.target, holder);
    }
    const isCurrent = await this.#send(record, job, findRequest(group, job.request)?.policy.settleSeconds);
    // The target may have been taken after the one who recalled the job has given it back.
    if (!isCurrent && !isStaged(job) && record.target !== undefined)
      await this.giveBack(record.target, { job: id, release: job.release });
    return undefined;
  }

  /** Gives a target back, and wakes the groups that wait for it. */
  protected async giveBack(target: string, holder: Pick<TargetHolder, 'job' | 'release'>): Promise<void> {
    for (const waiting of await this.targets.free(target, holder))
      await this.change(waiting, tryAgain(target));
  }

  async #swap(name: string, change: Change): Promise<Swapped> {
    const { clock, random } = this.context;
    const waiting = new Map<string, string>();
    for (let swaps = 1; ; swaps += 1) {
      const before = await this.items.read(name);
      const step = change(before);
      if (!step) return { group: before, releases: [], tripped: undefined, waiting };
      const { group, releases, places } = await this.#decide(step.group);
      const { tripped, free, staged } = step;
      if (staged) releases.push(staged);
      if (free) for (const one of await this.targets.free(free.target, free)) waiting.set(one, free.target);
      if (group === before) return { group, releases, tripped, waiting };
      if (await this.items.write(group, clock.now())) {
        for (const place of places) await this.items.deletePlace(name, place);
        return { group: { ...group, version: group.version + 1 }, releases, tripped, waiting };
      }
      if (swaps >= MOST_SWAPS) throw new GroupContendedError(name);
      await clock.sleep(backoffMs(SWAP_WAITS, swaps, random));
    }
  }

  /** Gives lanes to the jobs that may run, and reads the plain jobs that are not in the group's own item. */
  async #decide(start: GroupState): Promise<{ group: GroupState; releases: Release[]; places: number[] }> {
    const { limits, clock } = this.context;
    const releases: Release[] = [];
    const places: number[] = [];
    for (let group = start; ; ) {
      const decided = releaseJobs(group, limits, clock.now(), requestJobId);
      releases.push(...decided.releases);
      group = decided.releases.length > 0 ? decided.group : group;
      if (!hasRoom(group, limits) || !needsStoredPlain(group)) return { group, releases, places };
      const { head } = group.plain;
      group = takeStoredPlain(group, (await this.items.readPlace(group.name, head)) ?? []);
      places.push(head);
    }
  }

  async #createStage(group: GroupState, id: string, { request, stage }: OutJob): Promise<void> {
    const policy = findRequest(group, request)?.policy;
    const main = await this.jobs.get(id);
    if (!policy || !main || (stage !== 'rollBack' && stage !== 'check')) return;
    await this.jobs.create(createStageRecord(main, stage, policy, this.context.clock.now()));
  }

  /** Takes a target. Returns the job that has it, if it is another, or has it under a later release. */
  async #take(target: string, own: TargetHolder): Promise<string | undefined> {
    let stale: TargetHolder | undefined;
    for (;;) {
      if (await this.targets.take(target, own, this.context.clock.now(), stale)) return undefined;
      stale = await this.targets.read(target);
      // It may have been taken by a release that others had ended meanwhile.
      if (stale && (await this.isHeld(stale))) return stale.job;
    }
  }

  /** Whether the job that has a target is out. */
  protected async isHeld({ job, group }: TargetHolder): Promise<boolean> {
    const { out } = await this.items.read(group);
    return job in out;
  }

  /** The job passes its turn on. Its group is noted at the target after the group is written, so that no wake-up is lost. */
  async #waitFor(
    name: string,
    id: string,
    job: OutJob,
    target: string,
    holder: string,
  ): Promise<Change | undefined> {
    if (!(await this.jobs.recall(id, job.release))) return undefined;
    await this.change(name, (group) => recalled(group, id, job.release, target));
    if (await this.targets.wait(target, holder, name)) return undefined;
    return tryAgain(target);
  }

  /** Whether the queue has no message at all, seen, hidden or delayed. SQS's numbers are late by a minute or so. */
  async isQueueEmpty(): Promise<boolean> {
    const { clients, queueUrl } = this.context;
    const { Attributes = {} } = await clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...COUNTS] }),
    );
    return COUNTS.every((name) => Attributes[name] === '0');
  }

  /** False: this release is over, so that its message is deleted when it is received. */
  async #send(record: JobRecord, job: OutJob, settleSeconds = 0): Promise<boolean> {
    const { clients, queueUrl, clock } = this.context;
    const { body, attributes, messageGroupId } = createReleaseMessage(record, job.release);
    await clients.sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: body,
        MessageAttributes: attributes,
        MessageGroupId: messageGroupId,
        ...(job.stage === 'check' && settleSeconds > 0 && { DelaySeconds: settleSeconds }),
      }),
    );
    return this.jobs.markSent(record.id, job.release, clock.now());
  }
}

/** Jobs that wait for a target are tried again. */
function tryAgain(target: string): Change {
  return (group) => ({ group: freeTarget(group, target) });
}

/** The change after a job's end, or the end of its roll-back or check. */
export function endOf(
  record: Pick<JobRecord, 'id' | 'stageOf' | 'target' | 'state' | 'tries'>,
  nowMs: number,
): Change {
  const { id: ended, stageOf, target, state, tries = [] } = record;
  const id = stageOf ?? ended;
  const result = { state, hasRun: tries.length > 0 } as JobResult;
  return (group) => {
    const change = endStage(group, { id, ended, result }, nowMs, stageJobId);
    if (!change) return undefined;
    const { isFree, ...step } = change;
    const { release = 0 } = group.out[id] ?? {};
    return { ...step, ...(isFree && target !== undefined && { free: { target, job: id, release } }) };
  };
}

/** The change for a job that cannot be released. Undefined: nothing has to be done. */
function unreleased(id: string, own: string, job: OutJob, record: JobRecord | undefined): Change | undefined {
  if (!record) {
    const gone = { id: own, state: 'cancelled' as const, ...(own !== id && { stageOf: id }) };
    return endOf({ ...gone, ...(job.target !== undefined && { target: job.target }) }, job.releasedAtMs);
  }
  if (TERMINAL_STATES.has(record.state)) return endOf(record, job.releasedAtMs);
  const isRecalled = record.state === 'held' && record.release === undefined;
  return isRecalled ? (group) => recalled(group, id, job.release) : undefined;
}

/** The lane of a job is freed unless the job was released once more. */
export function recalled(group: GroupState, id: string, release: number, target?: string): Step | undefined {
  return group.out[id]?.release === release ? { group: recallJob(group, id, target) } : undefined;
}

function isStaged({ stage }: OutJob): boolean {
  return stage === 'rollBack' || stage === 'check';
}
