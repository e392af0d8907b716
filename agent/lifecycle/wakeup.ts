import { type Clock, NO_LONGER_NEEDED } from '../../aws/clock.ts';
import { sleepUnlessAborted } from '../../lib/sleep.ts';

/** Ends a wait when something has changed. If nobody waits, it ends the next wait at once. */
export class Wakeup {
  #isPending = false;
  #waiting: AbortController | undefined;

  wake(): void {
    this.#isPending = true;
    this.#waiting?.abort(NO_LONGER_NEEDED);
  }

  /** Resolves at the next wake-up, or after `ms`. */
  async wait(clock: Clock, ms: number): Promise<void> {
    this.#waiting = new AbortController();
    if (!this.#isPending) await sleepUnlessAborted(clock, ms, this.#waiting.signal);
    this.#waiting = undefined;
    this.#isPending = false;
  }
}
