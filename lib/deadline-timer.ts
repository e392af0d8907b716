import type { Clock } from '../aws/clock.ts';

/** An abort without a reason makes an error with a stack each time. */
const REPLACED = 'an earlier deadline replaces it';

/** One timer for many deadlines: calls back at the earliest of them. May call back too early, never too late. */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #onDeadline: () => void;
  #armed: { atMs: number; abort: AbortController } | undefined;

  constructor(clock: Clock, onDeadline: () => void) {
    this.#clock = clock;
    this.#onDeadline = onDeadline;
  }

  /** @param atMs monotonic milliseconds; `Infinity` sets no deadline */
  schedule(atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY || (this.#armed && this.#armed.atMs <= atMs)) return;
    this.#armed?.abort.abort(REPLACED);
    const armed = { atMs, abort: new AbortController() };
    this.#armed = armed;
    void this.#wait(armed);
  }

  async #wait(armed: { atMs: number; abort: AbortController }): Promise<void> {
    // Longer sleeps overflow Node's timers. After this one nothing is due, and the caller sets the timer again.
    const ms = Math.min(Math.max(0, armed.atMs - this.#clock.monotonic()), 2 ** 31 - 1);
    try {
      await this.#clock.sleep(ms, armed.abort.signal);
    } catch {
      return;
    }
    if (this.#armed === armed) this.#armed = undefined;
    this.#onDeadline();
  }
}
