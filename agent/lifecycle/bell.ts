import { sleepUnlessAborted } from '../../lib/sleep.ts';
import { type Clock, NO_LONGER } from '../../aws/clock.ts';

/** Wakes the one who waits when something has changed. A ring that nobody waits for is kept for the next wait. */
export class Bell {
  #rung = false;
  #waiting: AbortController | undefined;

  ring(): void {
    this.#rung = true;
    this.#waiting?.abort(NO_LONGER);
  }

  /** Resolves at the next ring, or after `ms`. */
  async wait(clock: Clock, ms: number): Promise<void> {
    this.#waiting = new AbortController();
    if (!this.#rung) await sleepUnlessAborted(clock, ms, this.#waiting.signal);
    this.#waiting = undefined;
    this.#rung = false;
  }
}
