import type { Clock } from '../aws/clock.ts';
import { type BackoffBounds, backoffMs } from '../policy/backoff.ts';

export interface Persistence {
  clock: Clock;
  random: () => number;
  /** Asked after each failure: whether trying again is of no use (any more). */
  hopeless: (error: unknown) => boolean;
  /** Told of each failure that is followed by another try. */
  onFailure: (error: unknown, tries: number) => void;
  /** Ends a wait between two tries, with the signal's reason. */
  signal?: AbortSignal;
}

const WAITS: BackoffBounds = { initialMs: 250, maxMs: 10_000 };

/** Does `task` until it succeeds, with backoff. Rejects with the last error once that is `hopeless`. */
export async function persist<Result>(task: () => Promise<Result>, how: Persistence): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (how.hopeless(error)) throw error;
      how.onFailure(error, tries);
      await how.clock.sleep(backoffMs(WAITS, tries, how.random), how.signal);
    }
  }
}
