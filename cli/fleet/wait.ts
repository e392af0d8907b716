import { backoffMs } from '../../policy/backoff.ts';
import { type FleetContext, needRecords } from './context.ts';
import { explain, isThrottling } from './explain.ts';
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
  /** The table could not be asked, as it is throttled: nothing new is known. */
  throttled: boolean;
}

/** The first wait; each one after it is half as long again, up to the poll interval. */
const FIRST_WAIT_MS = 200;
const GROWTH = 1.5;
/** A look that AWS refuses for now, or does not answer, is repeated so late at most. */
const BACKOFF = { initialMs: 1000, maxMs: 20_000 };

/** Ids of jobs that no agent may have seen yet: `m-<MessageId>`. */
const MESSAGE_ID = /^m-/;

/**
 * Waits until all jobs have ended, or the time is up. Only those that have not ended are asked about again, a hundred a
 * table request. A table that is throttled does not end it.
 *
 * Resolves with all jobs in the order of the ids, those that have not ended as they were last seen. An unknown id is
 * not waited for, unless a plain producer's message has it: that job is known when an agent has seen it.
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
  for (let refusals = 0; ; ) {
    signal?.throwIfAborted();
    const jobs = await look(context, watch.left());
    options.onProgress?.(watch.see(jobs));
    const leftMs = untilMs - clock.monotonic();
    if (watch.isOver(timeoutSeconds) || leftMs <= 0) return watch.jobs();
    refusals = jobs ? 0 : refusals + 1;
    const pauseMs = jobs ? waitMs : Math.max(waitMs, backoffMs(BACKOFF, refusals, context.random));
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
    waitMs = Math.min(waitMs * GROWTH, pollSeconds * 1000);
  }
}

/** Undefined: the table could not be asked for now. */
async function look(context: FleetContext, ids: readonly string[]): Promise<JobView[] | undefined> {
  try {
    return await statusOf(context, ids);
  } catch (error) {
    if (isThrottling(error)) return undefined;
    throw explain(context.facts, error);
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

  see(jobs: readonly JobView[] | undefined): WaitProgress {
    const ended = jobs?.filter(({ finished }) => finished) ?? [];
    for (const job of jobs ?? []) this.#known.set(job.id, job);
    for (const { id } of ended) this.#left.delete(id);
    for (const { id, state } of jobs ?? []) {
      if (state === 'unknown' && !MESSAGE_ID.test(id)) this.#left.delete(id);
    }
    const left = this.left();
    const running = left
      .flatMap((id) => this.#known.get(id) ?? [])
      .filter(({ state }) => state === 'running');
    return { total: this.#ids.length, left: left.length, ended, running, throttled: jobs === undefined };
  }

  /** Whether there is nothing left to wait for. Messages that nobody has seen are, but not for ever. */
  isOver(timeoutSeconds: number): boolean {
    if (Number.isFinite(timeoutSeconds)) return this.#left.size === 0;
    return this.left().every((id) => this.#known.get(id)?.state === 'unknown');
  }

  jobs(): JobView[] {
    return this.#ids.flatMap((id) => this.#known.get(id) ?? []);
  }
}
