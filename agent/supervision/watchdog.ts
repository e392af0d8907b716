import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { judgeLiveness, type LivenessFacts, MAX_SILENCE_MS } from '../../policy/watchdog.ts';
import type { JobLoopStatus } from '../work/types.ts';
import type { Notify } from './notify.ts';

/** Gets reports of the agent's progress. */
export interface Supervisor {
  /** The agent has tried something that has to be repeated, with or without success. */
  recordAttempt(): void;
  /** Sets the status line for people: `working`, `retiring: idle`. */
  setStatus(what: string): void;
  /** The start is complete: jobs are taken, or will be once the instance leaves its warm pool. */
  setReady(): void;
}

/** For an agent without a supervisor. */
export const NO_SUPERVISOR: Supervisor = { recordAttempt() {}, setStatus() {}, setReady() {} };

export interface WatchdogOptions {
  /** Undefined: systemd does not listen, and there is no watchdog. */
  notify: Notify | undefined;
  clock: Clock;
  log: Log;
  work: () => JobLoopStatus;
  /** `WATCHDOG_USEC`, as systemd sets it. */
  env: NodeJS.ProcessEnv;
  leaseSeconds: number;
}

/** How often the status is sent to systemd if there is no watchdog. */
const STATUS_MS = 30_000;
/** Pings per watchdog interval: on an overloaded machine two in a row may be lost. */
const PINGS = 3;
/** A shorter interval would end agents that are only slow. With very short leases workers may thus end too late. */
const MIN_WATCHDOG_MS = 10_000;

/**
 * Keeps systemd informed: pings its watchdog while the agent makes progress, sends a status line for people, and extends
 * the stop time-out while the agent is alive. `policy/watchdog.ts` decides when to withhold the ping. A blocked event loop
 * sends none either.
 */
export class Watchdog implements Supervisor {
  readonly #options: WatchdogOptions;
  readonly #everyMs: number;
  /** The watchdog interval. 0: there is no watchdog. */
  readonly #watchdogMs: number;
  readonly #ended = new AbortController();
  #triedAtMs: number;
  #statusText = 'starting';
  #isReady = false;
  /** Whether systemd has read that. Until then its start time-out runs. */
  #isReadySent = false;
  #sendingReady: Promise<void> | undefined;
  #stopping = false;
  #withheld = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#triedAtMs = options.clock.monotonic();
    // A hung agent renews no lease and stops no worker. It has to end, with its workers, before others take its jobs. At
    // least two thirds of a lease are left at any time.
    const longestMs = Math.max(MIN_WATCHDOG_MS, (options.leaseSeconds * 1000) / 2);
    this.#watchdogMs = Math.min(Number(options.env['WATCHDOG_USEC'] ?? 0) / 1000, longestMs);
    this.#everyMs = this.#watchdogMs > 0 ? Math.min(STATUS_MS, this.#watchdogMs / PINGS) : STATUS_MS;
    if (options.notify) void this.#reportUntilEnded();
  }

  recordAttempt(): void {
    this.#triedAtMs = this.#options.clock.monotonic();
  }

  setStatus(what: string): void {
    if (what === this.#statusText) return;
    this.#statusText = what;
    void this.#options.notify?.(this.#status());
  }

  setReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#sendingReady = this.#send(this.#status());
  }

  /** The agent is being stopped. systemd waits while it makes progress, and kills it if it hangs. */
  stopping(): void {
    this.#stopping = true;
    this.#statusText = 'draining';
    void this.#options.notify?.('STOPPING=1', this.#moreTime(), this.#status());
  }

  /**
   * The agent ends. Resolves when systemd knows that it was ready: a service that ends before counts as failed, whatever
   * its exit status.
   */
  async end(): Promise<void> {
    this.#ended.abort();
    this.setReady();
    await this.#sendingReady;
    await this.#send('STOPPING=1', this.#status());
  }

  /** Sends assignments. Adds `READY=1` until systemd has read it. */
  async #send(...assignments: string[]): Promise<void> {
    const ready = this.#isReady && !this.#isReadySent ? ['READY=1', ...this.#watchdogInterval()] : [];
    const isRead = await this.#options.notify?.(...ready, ...assignments);
    if (isRead && ready.length > 0) this.#isReadySent = true;
  }

  /** Replaces the unit's `WatchdogSec=` until the service ends: sd_notify(3). */
  #watchdogInterval(): string[] {
    return this.#watchdogMs > 0 ? [`WATCHDOG_USEC=${this.#watchdogMs * 1000}`] : [];
  }

  async #reportUntilEnded(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.sleep(this.#everyMs, this.#ended.signal).catch(() => undefined);
      if (this.#ended.signal.aborted) return;
      await this.#report();
    }
  }

  async #report(): Promise<void> {
    const { log } = this.#options;
    const signs = this.#signs();
    const verdict = judgeLiveness(signs);
    if (verdict.alive) {
      this.#withheld = false;
      await this.#send('WATCHDOG=1', this.#status(), ...(this.#stopping ? [this.#moreTime()] : []));
    } else if (!this.#withheld) {
      this.#withheld = true;
      log.fatal({ ...signs, why: verdict.why }, 'the agent hangs: systemd will kill it');
    }
  }

  #signs(): LivenessFacts {
    const { clock, work } = this.#options;
    const { running, settling } = work().state();
    const { receiving, leasesDueMs } = work().progress();
    const nowMs = clock.monotonic();
    return {
      sinceTryMs: nowMs - this.#triedAtMs,
      jobs: running + settling,
      receiving,
      overdueMs: nowMs - leasesDueMs,
    };
  }

  /** Counts from now, and never shortens the unit's `TimeoutStopSec=`: sd_notify(3). */
  #moreTime(): string {
    const ms = Math.ceil(this.#everyMs * PINGS + MAX_SILENCE_MS);
    return `EXTEND_TIMEOUT_USEC=${ms}000`;
  }

  #status(): string {
    const { running, jobsDone } = this.#options.work().state();
    return `STATUS=${this.#statusText}: ${running} running, ${jobsDone} done`;
  }
}
