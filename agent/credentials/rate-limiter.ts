import type { Clock } from '../../aws/clock.ts';

/** The sustained rate of requests, as the time between two of them, and how many may come at once. */
const SPACING_MS = 50;
const BURST = 40;

/** The delay of each request above the rate. It is shorter than the second that SDKs wait. */
const SLOW_MS = 750;

/** A token bucket that delays requests above the rate, so that a worker that asks in a loop causes little work. */
export class RateLimiter {
  readonly #clock: Clock;
  /** When all requests so far would have come at the sustained rate. */
  #usedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a request may be answered. */
  async acquire(): Promise<void> {
    const nowMs = this.#clock.monotonic();
    const dueMs = Math.max(this.#usedUntilMs, nowMs) + SPACING_MS;
    if (dueMs <= nowMs + BURST * SPACING_MS) this.#usedUntilMs = dueMs;
    else await this.#clock.sleep(SLOW_MS);
  }
}
