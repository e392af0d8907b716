import { HALTED_REQUEST_MS } from '../../groups/groups.ts';
import { jobIds, skipHeld } from '../../groups/request-jobs.ts';
import type { JobRecord, JobState } from '../../jobs/record.ts';
import { requestJobId } from '../../jobs/released.ts';
import type { RequestState } from '../../policy/groups/state.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import { awsTime, type FleetContext, requireRecords } from '../context.ts';
import { UnknownRequestError, WrongStateError } from '../errors.ts';
import { withExplainedErrors } from '../explain.ts';
import { formatTime } from '../format-time.ts';
import { createGroups } from '../groups/create.ts';
import { createJobIndex } from '../job-records.ts';
import { cancelJobs } from '../jobs/cancel.ts';
import { readStoredBody } from '../jobs/stored-body.ts';
import { refuseUnknown } from '../known-options.ts';
import { mapInParallel } from '../map-in-parallel.ts';
import { planRequest, type RequestPlan } from './plan.ts';
import { submitRequest } from './submit.ts';
import type {
  CancelRequestOptions,
  ListRequestsOptions,
  Requested,
  RequestOptions,
  RequestTarget,
  RequestView,
  RetryRequestOptions,
  TargetGroup,
  WaitRequestOptions,
} from './types.ts';
import { createRequestViews } from './view.ts';
import { waitForRequest } from './wait.ts';

/** Jobs that are read together. */
const BLOCK = 1000;

/**
 * The requests of a fleet. A request is one call that became one job for each of its targets.
 *
 * Methods reject as those of `Fleet` do, with `NotTrackedError` if the fleet keeps no job records, and with
 * `UnknownRequestError`.
 */
export class FleetRequests {
  readonly #context: FleetContext;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** Requests, the newest first: those that have not ended, and with `ended` the others after them. */
  list(options: ListRequestsOptions = {}): Promise<RequestView[]> {
    return this.#run(async (context) => {
      refuseUnknown('requests.list', options);
      const { ended = false, limit = 50 } = options;
      const { requests } = createGroups(context);
      const ids: string[] = [];
      for (const listing of ended ? (['live', 'ended'] as const) : (['live'] as const)) {
        for await (const id of requests.ids(listing)) {
          if (ids.length >= limit) break;
          ids.push(id);
        }
      }
      const found = new Map((await requests.readMany(ids)).map((request) => [request.id, request]));
      const ordered = ids.flatMap((id) => found.get(id) ?? []);
      return createRequestViews(
        context,
        ended ? ordered : ordered.filter(({ endedAt }) => endedAt === undefined),
      );
    });
  }

  /** One request. */
  show(id: string): Promise<RequestView> {
    return this.#run((context) => this.#show(context, id));
  }

  /**
   * Pauses a request: nothing more of it is released, and what was released and has not begun is held again. Running jobs
   * go on. It is cancelled after 14 days unless it is resumed. A stopped request stays stopped, with its reason.
   *
   * Rejects with `WrongStateError` if it has ended or was cancelled.
   */
  pause(id: string): Promise<RequestView> {
    return this.#run(async (context) => {
      const pause = { state: 'paused', reason: 'somebody paused it' } as const;
      try {
        return await this.#change(context, id, ['open', 'paused'], pause);
      } catch (error) {
        if (!(error instanceof WrongStateError)) throw error;
        const request = await this.#show(context, id);
        if (request.state === 'stopped') return request;
        throw error;
      }
    });
  }

  /**
   * Goes on with a request that a failure has stopped, that somebody has paused, or that waits after a batch. Failures are
   * counted anew.
   *
   * Rejects with `WrongStateError` if it has ended or was cancelled.
   */
  resume(id: string): Promise<RequestView> {
    return this.#run((context) =>
      this.#change(context, id, ['open', 'stopped', 'paused'], { state: 'open' }),
    );
  }

  /** Cancels a request: jobs that are held become `skipped`. Running jobs go on unless `now` is set. Can be repeated. */
  cancel(id: string, options: CancelRequestOptions = {}): Promise<RequestView> {
    return this.#run(async (context) => {
      refuseUnknown('requests.cancel', options);
      const groups = createGroups(context);
      const before = await this.#read(context, id);
      if (before.state === 'ended' || before.endedAt !== undefined) return this.#show(context, id);
      if (before.state !== 'cancelled') {
        await this.#change(context, id, ['open', 'stopped', 'paused'], {
          state: 'cancelled',
          reason: 'somebody cancelled it',
        });
      }
      const now = await this.#read(context, id);
      // Nothing begins any more: what runs now is all that there is to stop.
      if (options.now) await cancelJobs(context, await this.#runningJobs(context, now), {});
      await skipHeld(groups, now, (done) => {
        options.onProgress?.(done, now.count);
        return true;
      });
      return this.#show(context, id);
    });
  }

  /**
   * Makes a new request of the jobs that failed, with the same options.
   *
   * Rejects with `WrongStateError` if none failed, and with `BodyNotKeptError` if a body is not stored any more.
   */
  retry(id: string, options: RetryRequestOptions = {}): Promise<Requested> {
    return this.#run(async (context) => {
      refuseUnknown('requests.retry', options);
      const request = await this.#read(context, id);
      const { groups, jobs } = await failedTargets(context, request, options.all ?? false);
      if (jobs.length === 0) throw nothingToRetry(id, options.all ?? false);
      const { rollBack, ...policy } = request.policy;
      const first = (await readBlock(context, [...jobIds(request)].slice(0, 1)))[0];
      const given: RequestOptions = {
        ...(policy as RequestOptions),
        ...(rollBack !== undefined && { onFailure: rollBack }),
        ...(request.label !== undefined && { label: request.label }),
        ...(first?.limitSeconds !== undefined && { limitSeconds: first.limitSeconds }),
        ...(first?.maxAttempts !== undefined && { maxAttempts: first.maxAttempts }),
        ...(options.id !== undefined && { id: options.id }),
        ...(options.onProgress && { onProgress: options.onProgress }),
        ...(options.signal && { signal: options.signal }),
      };
      const requested = await submitRequest(context, groups, given, id);
      await markRetried(context, jobs, requested.id);
      await createGroups(context).requests.noteRetry(id, requested.id);
      return requested;
    });
  }

  /**
   * Says what a request would do: which job runs when, in which batch and lane, if all succeed. Writes nothing. Rejects as
   * `Fleet.request`.
   */
  plan(groups: readonly TargetGroup[], options: RequestOptions = {}): Promise<RequestPlan> {
    return this.#run((context) => {
      refuseUnknown('request', options);
      return planRequest(context, groups, options);
    });
  }

  /**
   * Waits until a request has ended, or until nothing of it runs and it waits for a person: it is stopped or paused, or its groups
   * are. After the time-out it resolves with the request as it is.
   */
  wait(id: string, options: WaitRequestOptions = {}): Promise<RequestView> {
    return this.#run((context) => {
      refuseUnknown('requests.wait', options);
      return waitForRequest(context, () => this.#show(context, id), options);
    });
  }

  /** Makes a request: see `Fleet.request`. */
  submit(groups: readonly TargetGroup[], options: RequestOptions): Promise<Requested> {
    return this.#run((context) => {
      refuseUnknown('request', options);
      return submitRequest(context, groups, options);
    });
  }

  async #show(context: FleetContext, id: string): Promise<RequestView> {
    const [view] = await createRequestViews(context, [await this.#read(context, id)]);
    return view as RequestView;
  }

  async #read(context: FleetContext, id: string): Promise<RequestRecord> {
    const request = await createGroups(context).requests.read(id);
    if (request) return request;
    throw new UnknownRequestError(id, context.facts.fleet);
  }

  async #change(
    context: FleetContext,
    id: string,
    from: readonly RequestState[],
    { state, reason }: { state: RequestState; reason?: string },
  ): Promise<RequestView> {
    const groups = createGroups(context);
    const atMs = await awsTime(context);
    const cancelAtMs = state === 'paused' ? atMs + HALTED_REQUEST_MS : undefined;
    const changed = await groups.requests.change(id, from, { state, reason, atMs, cancelAtMs });
    if (!changed) throw wrongState(await this.#read(context, id), state);
    await groups.syncRequest(changed);
    return this.#show(context, id);
  }

  async #runningJobs(context: FleetContext, request: RequestRecord): Promise<string[]> {
    const [view] = await createRequestViews(context, [request]);
    const out = view?.groups.flatMap(({ running }) => running) ?? [];
    return out.filter(({ stage }) => stage === 'job').map(({ job }) => job);
  }

  #run<T>(run: (context: FleetContext) => Promise<T>): Promise<T> {
    return withExplainedErrors(this.#context.facts, async () => {
      requireRecords(this.#context.facts, 'request');
      return run(this.#context);
    });
  }
}

function wrongState(request: RequestRecord, wanted: RequestState): WrongStateError {
  const { id, state } = request;
  const verb = { open: 'resumed', paused: 'paused', cancelled: 'cancelled', stopped: 'stopped' }[wanted];
  const why = { preparing: describePreparation(request), ended: 'it has ended' }[state as string];
  return new WrongStateError(`Request ${id} cannot be ${verb}: ${why ?? `it is ${state}`}.`);
}

/** One whose writer is gone looks the same for a while. */
function describePreparation({ id, writtenAt, submittedAt }: RequestRecord): string {
  return (
    `its jobs are being written, last at ${formatTime(writtenAt ?? submittedAt)}, and none of them runs before all are. ` +
    `If that was cut off, the same request with the id ${id} goes on with it; otherwise it is removed a day after that`
  );
}

function nothingToRetry(id: string, all: boolean): WrongStateError {
  const what = all ? 'has failed, was cancelled or was skipped' : 'has failed';
  return new WrongStateError(`No job of request ${id} ${what}: there is nothing to retry.`);
}

/** A job that failed, and its place in the new request. */
interface FailedJob {
  id: string;
  group: string;
  number: number;
}

const FAILED: ReadonlySet<JobState> = new Set(['failed', 'timed_out', 'lost']);
const NOT_DONE: ReadonlySet<JobState> = new Set([...FAILED, 'cancelled', 'skipped']);

async function failedTargets(
  context: FleetContext,
  request: RequestRecord,
  all: boolean,
): Promise<{ groups: TargetGroup[]; jobs: FailedJob[] }> {
  const states = all ? NOT_DONE : FAILED;
  const groups: TargetGroup[] = [];
  const jobs: FailedJob[] = [];
  let index = 0;
  for (const { name, size, count } of request.groups) {
    const targets: RequestTarget[] = [];
    const ids = [...jobIds({ id: request.id, groups: [{ name, size, count }] })];
    for (let first = 0; first < ids.length; first += BLOCK) {
      for (const record of await readBlock(context, ids.slice(first, first + BLOCK))) {
        if (!states.has(record.state) || record.target === undefined) continue;
        index += 1;
        targets.push({ target: record.target, body: await bodyOf(context, record), index });
        jobs.push({ id: record.id, group: name, number: targets.length });
      }
    }
    if (targets.length > 0) groups.push({ name, size, targets });
  }
  return { groups, jobs };
}

/** Names the new jobs in the old ones, whose dead letters `dlq redrive --all` would repeat otherwise. */
async function markRetried(
  context: FleetContext,
  jobs: readonly FailedJob[],
  newRequest: string,
): Promise<void> {
  const index = createJobIndex(context);
  await mapInParallel(jobs, ({ id, group, number }) =>
    index.markRetried(id, requestJobId(newRequest, group, number)),
  );
}

async function readBlock(context: FleetContext, ids: readonly string[]): Promise<JobRecord[]> {
  const records = await createJobIndex(context).getMany(ids);
  return ids.flatMap((id) => records.get(id) ?? []);
}

function bodyOf(context: FleetContext, record: JobRecord): Promise<string> | string {
  if (record.body !== undefined) return record.body;
  return readStoredBody(context, record, {
    failed: `Request ${record.requestId} cannot be retried`,
    dead: `The body of job ${record.id} is not stored any more.`,
    other: `The body of job ${record.id} is not stored any more. Make the request again from its source.`,
  });
}
