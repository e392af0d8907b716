import { type Clock, NO_LONGER } from '../../aws/clock.ts';

/** One timer for many dates: rings at the earliest that was asked for. May ring too early, never too late. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #armed: { atMs: number; abort: AbortController } | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** @param atMs monotonic milliseconds; `Infinity` asks for nothing */
  at(atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY || (this.#armed && this.#armed.atMs <= atMs)) return;
    this.#armed?.abort.abort(NO_LONGER);
    const armed = { atMs, abort: new AbortController() };
    this.#armed = armed;
    void this.#wait(armed);
  }

  async #wait(armed: { atMs: number; abort: AbortController }): Promise<void> {
    // Longer sleeps than this overflow Node's timers; the alarm rings, finds nothing due and is set again.
    const ms = Math.min(Math.max(0, armed.atMs - this.#clock.monotonic()), 2 ** 31 - 1);
    try {
      await this.#clock.sleep(ms, armed.abort.signal);
    } catch {
      return;
    }
    if (this.#armed === armed) this.#armed = undefined;
    this.#ring();
  }
}
