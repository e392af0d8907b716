import type { Clock } from '../../aws/clock.ts';

/** How often somebody may ask in the long run, and how many times without a pause before that. */
const SPACING_MS = 50;
const BURST = 40;

/** How long the others take. Short of the second that SDKs wait; who asks without pause waits with each connection. */
const SLOW_MS = 750;

/** Keeps a loop of requests from being a loop of work: who asks too often is answered slowly. */
export class Pace {
  readonly #clock: Clock;
  /** The date by which all requests so far would have come, had they come at the allowed pace. */
  #paidMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a request may be answered. */
  async turn(): Promise<void> {
    const nowMs = this.#clock.monotonic();
    const dueMs = Math.max(this.#paidMs, nowMs) + SPACING_MS;
    if (dueMs <= nowMs + BURST * SPACING_MS) this.#paidMs = dueMs;
    else await this.#clock.sleep(SLOW_MS);
  }
}
