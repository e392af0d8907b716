import type { Clock } from '../aws/clock.ts';
import { type BackoffBounds, backoffMs } from '../policy/backoff.ts';

export interface Persistence {
  clock: Clock;
  random: () => number;
  /** Called after each failure. Returns whether to stop trying. */
  hopeless: (error: unknown) => boolean;
  /** Called after each failure that is followed by another try. */
  onFailure: (error: unknown, tries: number) => void;
  /** Ends a wait between two tries; rejects with the signal's reason. */
  signal?: AbortSignal;
}

const DELAYS: BackoffBounds = { initialMs: 250, maxMs: 10_000 };

/** Repeats `task` with backoff until it succeeds. Rejects with the last error when `hopeless` says to stop. */
export async function persist<Result>(task: () => Promise<Result>, options: Persistence): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (options.hopeless(error)) throw error;
      options.onFailure(error, tries);
      await options.clock.sleep(backoffMs(DELAYS, tries, options.random), options.signal);
    }
  }
}
