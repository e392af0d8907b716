import { backoffMs } from '../../lib/backoff.ts';
import { type FleetContext, requireRecords } from '../context.ts';
import { type FleetError, ThrottledError, UnreachableError } from '../errors.ts';
import { explainError } from '../explain.ts';
import { LONGEST_OUTAGE_MS } from '../outage.ts';
import { readJobViews } from './status.ts';
import type { JobView } from './view.ts';

/** Options of `wait`. */
export interface WaitOptions {
  /** Longest wait, in seconds. Default: no time-out. */
  timeoutSeconds?: number;
  /** Longest interval between two polls, in seconds. The first polls come more often. Default 5. */
  pollSeconds?: number;
  /** Aborts the wait. The call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each poll. */
  onProgress?: (progress: WaitProgress) => void;
}

/** Progress of `wait` after one poll. */
export interface WaitProgress {
  /** Number of jobs that are waited for, including those that have ended. */
  total: number;
  /** Number of jobs that have not ended. */
  remaining: number;
  /** Jobs that have ended since the last poll. */
  ended: readonly JobView[];
  running: readonly JobView[];
  /** Jobs that wait for another try. */
  retrying: readonly JobView[];
  /** Jobs that wait for their first try. */
  waiting: readonly JobView[];
  /** DynamoDB throttled this poll, so nothing new is known. */
  throttled: boolean;
  /** DynamoDB did not answer this poll, so nothing new is known. */
  unanswered: boolean;
}

/** The first interval. Each one after it is 1.5 times as long, up to the poll interval. */
const FIRST_WAIT_MS = 200;
const GROWTH = 1.5;
/** After a poll that AWS throttled or did not answer. */
const BACKOFF = { initialMs: 1000, maxMs: 20_000 };

/** Ids of jobs that may have no record before an agent receives them: `m-<MessageId>`. */
const MESSAGE_ID = /^m-/;

/**
 * Waits until all jobs have ended, or until the time-out. Reads only the records of jobs that have not ended, a hundred
 * with each request. Throttling does not end the wait, nor does a minute without an answer of AWS.
 *
 * Resolves with all jobs in the order of the ids; after the time-out some have not ended. It does not wait for an
 * unknown id, except for that of a message of a plain producer if there is a time-out: such a job is known once an
 * agent has received it.
 */
export async function waitFor(
  context: FleetContext,
  ids: readonly string[],
  options: WaitOptions,
): Promise<JobView[]> {
  requireRecords(context.facts, 'wait for');
  const { clock } = context;
  const { timeoutSeconds = Number.POSITIVE_INFINITY, pollSeconds = 5, signal } = options;
  const untilMs = clock.monotonic() + timeoutSeconds * 1000;
  const watch = new Watch(ids);
  let waitMs = FIRST_WAIT_MS;
  let seenMs = clock.monotonic();
  for (let refusals = 0; ; ) {
    signal?.throwIfAborted();
    const isPatient = clock.monotonic() - seenMs < LONGEST_OUTAGE_MS;
    const { jobs, problem } = await poll(context, watch.left(), isPatient);
    if (jobs) seenMs = clock.monotonic();
    const progress = watch.see(jobs ?? [], problem);
    options.onProgress?.(progress);
    const leftMs = untilMs - clock.monotonic();
    if (watch.isOver(timeoutSeconds)) return watch.jobs();
    if (leftMs <= 0) return watch.lastKnown(problem);
    refusals = jobs ? 0 : refusals + 1;
    const pauseMs = jobs ? waitMs : Math.max(waitMs, backoffMs(BACKOFF, refusals, context.random));
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
    waitMs = Math.min(waitMs * GROWTH, pollSeconds * 1000);
  }
}

/** The jobs, or why the table could not be read now. */
async function poll(
  context: FleetContext,
  ids: readonly string[],
  isPatient: boolean,
): Promise<{ jobs?: JobView[]; problem?: FleetError }> {
  try {
    return { jobs: await readJobViews(context, ids) };
  } catch (thrown) {
    const error = explainError(context.facts, thrown);
    if (error instanceof ThrottledError) return { problem: error };
    if (error instanceof UnreachableError && isPatient) return { problem: error };
    throw error;
  }
}

const isWaiting = ({ state }: JobView) => state === 'queued' || state === 'held';

/** The last known state of the jobs that are waited for. */
class Watch {
  readonly #ids: readonly string[];
  readonly #known = new Map<string, JobView>();
  #left: Set<string>;

  constructor(ids: readonly string[]) {
    this.#ids = ids;
    this.#left = new Set(ids);
  }

  left(): string[] {
    return [...this.#left];
  }

  see(jobs: readonly JobView[], problem: FleetError | undefined): WaitProgress {
    for (const job of jobs) {
      this.#known.set(job.id, job);
      const isOver = job.finished || (job.state === 'unknown' && !MESSAGE_ID.test(job.id));
      if (isOver) this.#left.delete(job.id);
    }
    const left = this.left();
    const known = left.flatMap((id) => this.#known.get(id) ?? []);
    return {
      total: this.#ids.length,
      remaining: left.length,
      ended: jobs.filter(({ finished }) => finished),
      running: known.filter(({ state }) => state === 'running'),
      retrying: known.filter((job) => isWaiting(job) && job.tries.length > 0),
      waiting: known.filter((job) => isWaiting(job) && job.tries.length === 0),
      throttled: problem instanceof ThrottledError,
      unanswered: problem instanceof UnreachableError,
    };
  }

  /**
   * Whether nothing is left to wait for. Messages that no agent has received are waited for only if there is a
   * time-out.
   */
  isOver(timeoutSeconds: number): boolean {
    if (Number.isFinite(timeoutSeconds)) return this.#left.size === 0;
    return this.left().every((id) => this.#known.get(id)?.state === 'unknown');
  }

  /** Throws if no poll has succeeded: then no state is known. */
  lastKnown(problem: FleetError | undefined): JobView[] {
    if (problem && this.#known.size === 0) throw problem;
    return this.jobs();
  }

  jobs(): JobView[] {
    return this.#ids.flatMap((id) => this.#known.get(id) ?? []);
  }
}
