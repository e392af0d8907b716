import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { Alarm } from '../work/alarm.ts';

const INTERVAL_MS = 60_000;

/** What goes wrong with jobs' logs, said at once, and then at most once a minute for all of them together. */
export class Complaints {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #alarm: Alarm;
  #quietUntilMs = 0;
  #failures = 0;
  #lostBytes = 0;
  #lastError: unknown;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.#alarm = new Alarm(clock, () => this.#say());
  }

  /** A call failed; it may be tried again. */
  failed(error: unknown): void {
    this.#failures += 1;
    this.#lastError = error;
    this.#say();
  }

  lost(bytes: number): void {
    this.#lostBytes += bytes;
    this.#say();
  }

  #say(): void {
    if (this.#failures === 0 && this.#lostBytes === 0) return;
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#quietUntilMs) {
      this.#alarm.at(this.#quietUntilMs);
      return;
    }
    this.#quietUntilMs = nowMs + INTERVAL_MS;
    const counts = { failures: this.#failures, lostBytes: this.#lostBytes, err: this.#lastError };
    this.#failures = 0;
    this.#lostBytes = 0;
    this.#log.warn(counts, "jobs' logs cannot be written as they should: the jobs go on");
  }
}
