import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { DeadlineTimer } from '../../lib/deadline-timer.ts';

const INTERVAL_MS = 60_000;

/** Logs problems with jobs' logs: the first at once, then at most one line a minute for all jobs together. */
export class LogThrottle {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timer: DeadlineTimer;
  #quietUntilMs = 0;
  #failures = 0;
  #lostBytes = 0;
  #lastError: unknown;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#timer = new DeadlineTimer(clock, () => this.#flush());
  }

  /** A call failed; it may be tried again. */
  failed(error: unknown): void {
    this.#failures += 1;
    this.#lastError = error;
    this.#flush();
  }

  lost(bytes: number): void {
    this.#lostBytes += bytes;
    this.#flush();
  }

  #flush(): void {
    if (this.#failures === 0 && this.#lostBytes === 0) return;
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#quietUntilMs) {
      this.#timer.schedule(this.#quietUntilMs);
      return;
    }
    this.#quietUntilMs = nowMs + INTERVAL_MS;
    const counts = { failures: this.#failures, lostBytes: this.#lostBytes, err: this.#lastError };
    this.#failures = 0;
    this.#lostBytes = 0;
    this.#log.warn(counts, "jobs' logs cannot be written as they should: the jobs go on");
  }
}
