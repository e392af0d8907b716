import type { Clock } from '../aws/clock.ts';
import { type BackoffBounds, backoffMs } from './backoff.ts';

export interface RetryOptions {
  clock: Clock;
  random: () => number;
  /** Called after each failure. Returns whether to stop trying. */
  shouldGiveUp: (error: unknown) => boolean;
  /** Called after each failure that is followed by another try. */
  onFailure: (error: unknown, tries: number) => void;
  /** Ends a wait between two tries; rejects with the signal's reason. */
  signal?: AbortSignal;
}

const DELAYS: BackoffBounds = { initialMs: 250, maxMs: 10_000 };

/** Repeats `task` with backoff until it succeeds. Rejects with the last error when `shouldGiveUp` says to stop. */
export async function retry<Result>(task: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (options.shouldGiveUp(error)) throw error;
      options.onFailure(error, tries);
      await options.clock.sleep(backoffMs(DELAYS, tries, options.random), options.signal);
    }
  }
}
