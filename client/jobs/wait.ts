import { backoffMs } from '../../policy/backoff.ts';
import { type FleetContext, needRecords } from '../context.ts';
import { type FleetError, Throttled, Unreachable } from '../errors.ts';
import { explain } from '../explain.ts';
import { LONGEST_OUTAGE_MS } from '../outage.ts';
import { statusOf } from './status.ts';
import type { JobView } from './view.ts';

export interface WaitOptions {
  /** How long at most. Default: until all have ended. */
  timeoutSeconds?: number;
  /** How often at least it is looked, after a beginning in which it is looked more often. Default 5. */
  pollSeconds?: number;
  signal?: AbortSignal;
  /** Told after each look; the waiting goes on when it has returned. */
  onProgress?: (progress: WaitProgress) => void;
}

export interface WaitProgress {
  total: number;
  /** Jobs that have not ended. */
  left: number;
  /** That have ended since the last look. */
  ended: readonly JobView[];
  running: readonly JobView[];
  /** Jobs that wait to be tried again. */
  again: readonly JobView[];
  /** Jobs that wait for their first try. */
  waiting: readonly JobView[];
  /** Nothing new is known, for the table is throttled, */
  throttled: boolean;
  /** or gives no answer. */
  unanswered: boolean;
}

/** The first wait; each one after it is half as long again, up to the poll interval. */
const FIRST_WAIT_MS = 200;
const GROWTH = 1.5;
/** After a look that AWS refuses for now, or does not answer. */
const BACKOFF = { initialMs: 1000, maxMs: 20_000 };

/** Ids of jobs that no agent may have seen yet: `m-<MessageId>`. */
const MESSAGE_ID = /^m-/;

/**
 * Waits until all jobs have ended, or the time is up. Only those that have not ended are asked about again, a hundred a
 * table request. A table that is throttled does not end it, nor a minute without AWS.
 *
 * Resolves with all jobs in the order of the ids, those that have not ended as they were last seen. An unknown id is
 * not waited for, unless a plain producer's message has it and there is a time limit: that job is known when an agent has
 * seen it.
 */
export async function waitFor(
  context: FleetContext,
  ids: readonly string[],
  options: WaitOptions,
): Promise<JobView[]> {
  needRecords(context.facts, 'wait for');
  const { clock } = context;
  const { timeoutSeconds = Number.POSITIVE_INFINITY, pollSeconds = 5, signal } = options;
  const untilMs = clock.monotonic() + timeoutSeconds * 1000;
  const watch = new Watch(ids);
  let waitMs = FIRST_WAIT_MS;
  let seenMs = clock.monotonic();
  for (let refusals = 0; ; ) {
    signal?.throwIfAborted();
    const isPatient = clock.monotonic() - seenMs < LONGEST_OUTAGE_MS;
    const { jobs, trouble } = await look(context, watch.left(), isPatient);
    if (jobs) seenMs = clock.monotonic();
    const progress = watch.see(jobs ?? [], trouble);
    options.onProgress?.(progress);
    const leftMs = untilMs - clock.monotonic();
    if (watch.isOver(timeoutSeconds)) return watch.jobs();
    if (leftMs <= 0) return watch.lastKnown(trouble);
    refusals = jobs ? 0 : refusals + 1;
    const pauseMs = jobs ? waitMs : Math.max(waitMs, backoffMs(BACKOFF, refusals, context.random));
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
    waitMs = Math.min(waitMs * GROWTH, pollSeconds * 1000);
  }
}

/** The jobs, or why the table could not be asked for now. */
async function look(
  context: FleetContext,
  ids: readonly string[],
  isPatient: boolean,
): Promise<{ jobs?: JobView[]; trouble?: FleetError }> {
  try {
    return { jobs: await statusOf(context, ids) };
  } catch (thrown) {
    const error = explain(context.facts, thrown);
    if (error instanceof Throttled) return { trouble: error };
    if (error instanceof Unreachable && isPatient) return { trouble: error };
    throw error;
  }
}

/** What is known of the jobs that are waited for. */
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

  see(jobs: readonly JobView[], trouble: FleetError | undefined): WaitProgress {
    for (const job of jobs) {
      this.#known.set(job.id, job);
      const isOver = job.finished || (job.state === 'unknown' && !MESSAGE_ID.test(job.id));
      if (isOver) this.#left.delete(job.id);
    }
    const left = this.left();
    const known = left.flatMap((id) => this.#known.get(id) ?? []);
    return {
      total: this.#ids.length,
      left: left.length,
      ended: jobs.filter(({ finished }) => finished),
      running: known.filter(({ state }) => state === 'running'),
      again: known.filter(({ state, tries }) => state === 'queued' && tries.length > 0),
      waiting: known.filter(({ state, tries }) => state === 'queued' && tries.length === 0),
      throttled: trouble instanceof Throttled,
      unanswered: trouble instanceof Unreachable,
    };
  }

  /** Whether there is nothing left to wait for. Messages that nobody has seen are, but not for ever. */
  isOver(timeoutSeconds: number): boolean {
    if (Number.isFinite(timeoutSeconds)) return this.#left.size === 0;
    return this.left().every((id) => this.#known.get(id)?.state === 'unknown');
  }

  /** Throws if nothing was ever learned of the jobs: that is no state of theirs. */
  lastKnown(trouble: FleetError | undefined): JobView[] {
    if (trouble && this.#known.size === 0) throw trouble;
    return this.jobs();
  }

  jobs(): JobView[] {
    return this.#ids.flatMap((id) => this.#known.get(id) ?? []);
  }
}
