import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { judge, LONGEST_SILENCE_MS, type Signs } from '../../policy/watchdog.ts';
import type { Notify } from './notify.ts';
import type { Work } from '../work/work.ts';

/** What the agent says of itself, to whoever supervises it. */
export interface Supervisor {
  /** A try at something that has to go on, successful or not. */
  tried(): void;
  /** What the instance is at, for people: `working`, `retiring: idle`. */
  doing(what: string): void;
  /** The start is over: jobs are taken, or will be once the instance leaves its warm pool. */
  ready(): void;
}

/** For an agent that nobody supervises. */
export const NOBODY: Supervisor = { tried() {}, doing() {}, ready() {} };

export interface WatchdogOptions {
  /** Undefined: nobody listens, and nothing is watched. */
  notify: Notify | undefined;
  clock: Clock;
  log: Log;
  work: () => Pick<Work, 'state' | 'vitals'>;
  /** `WATCHDOG_USEC`, as systemd sets it. */
  env: NodeJS.ProcessEnv;
  leaseSeconds: number;
}

/** How often systemd hears of a service that is not watched. */
const STATUS_MS = 30_000;
/** A third of what systemd waits: two pings may get lost on a machine that is out of breath. */
const PINGS = 3;
/** Less would end agents that are only slow; for leases this short it is no promise that their workers end in time. */
const SHORTEST_WATCH_MS = 10_000;

/**
 * Keeps systemd informed: a ping of its watchdog while the agent does its work, a line of status for people, and more
 * time to stop as long as the agent is alive. What it withholds the ping for is decided in `policy/watchdog.ts`; an
 * event loop that is blocked withholds it by itself.
 */
export class Watchdog implements Supervisor {
  readonly #options: WatchdogOptions;
  readonly #everyMs: number;
  /** How long systemd waits for a sign of life; 0: it does not. */
  readonly #watchedMs: number;
  readonly #over = new AbortController();
  #triedAtMs: number;
  #doing = 'starting';
  #isReady = false;
  /** Whether systemd has heard that: until then the start counts as hanging. */
  #isKnownReady = false;
  #tellingReady: Promise<void> | undefined;
  #stopping = false;
  #withheld = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#triedAtMs = options.clock.monotonic();
    // A hung agent renews no lease and stops no worker: it has to be gone, with them, before others take its jobs. At
    // least two thirds of a lease are left at any time.
    const enoughMs = Math.max(SHORTEST_WATCH_MS, (options.leaseSeconds * 1000) / 2);
    this.#watchedMs = Math.min(Number(options.env['WATCHDOG_USEC'] ?? 0) / 1000, enoughMs);
    this.#everyMs = this.#watchedMs > 0 ? Math.min(STATUS_MS, this.#watchedMs / PINGS) : STATUS_MS;
    if (options.notify) void this.#reportUntilOver();
  }

  tried(): void {
    this.#triedAtMs = this.#options.clock.monotonic();
  }

  doing(what: string): void {
    if (what === this.#doing) return;
    this.#doing = what;
    void this.#options.notify?.(this.#status());
  }

  ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#tellingReady = this.#tell(this.#status());
  }

  /** Somebody stops the agent: systemd waits as long as it goes on, and kills it if it hangs. */
  stopping(): void {
    this.#stopping = true;
    this.#doing = 'draining';
    void this.#options.notify?.('STOPPING=1', this.#moreTime(), this.#status());
  }

  /**
   * The agent ends by itself, with nothing left to do. Resolves when systemd knows: a service that ends before it was
   * ready counts as failed, whatever its status.
   */
  async end(): Promise<void> {
    this.#over.abort();
    this.ready();
    await this.#tellingReady;
    await this.#tell('STOPPING=1', this.#status());
  }

  /** Says again that the start is over as long as nobody has heard it. */
  async #tell(...assignments: string[]): Promise<void> {
    const news = this.#isReady && !this.#isKnownReady ? ['READY=1', ...this.#watched()] : [];
    const heard = await this.#options.notify?.(...news, ...assignments);
    if (heard && news.length > 0) this.#isKnownReady = true;
  }

  /** sd_notify(3): takes the place of the unit's `WatchdogSec=` until the service ends. */
  #watched(): string[] {
    return this.#watchedMs > 0 ? [`WATCHDOG_USEC=${this.#watchedMs * 1000}`] : [];
  }

  async #reportUntilOver(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.sleep(this.#everyMs, this.#over.signal).catch(() => undefined);
      if (this.#over.signal.aborted) return;
      await this.#report();
    }
  }

  async #report(): Promise<void> {
    const { log } = this.#options;
    const signs = this.#signs();
    const verdict = judge(signs);
    if (verdict.alive) {
      this.#withheld = false;
      await this.#tell('WATCHDOG=1', this.#status(), ...(this.#stopping ? [this.#moreTime()] : []));
    } else if (!this.#withheld) {
      this.#withheld = true;
      log.fatal({ ...signs, why: verdict.why }, 'the agent hangs: systemd is left to kill it');
    }
  }

  #signs(): Signs {
    const { clock, work } = this.#options;
    const { running, settling } = work().state();
    const { receiving, leasesDueMs } = work().vitals();
    const nowMs = clock.monotonic();
    return {
      sinceTryMs: nowMs - this.#triedAtMs,
      jobs: running + settling,
      receiving,
      overdueMs: nowMs - leasesDueMs,
    };
  }

  /** sd_notify(3): counts from now, and never shortens what the unit's `TimeoutStopSec=` gives. */
  #moreTime(): string {
    const ms = Math.ceil(this.#everyMs * PINGS + LONGEST_SILENCE_MS);
    return `EXTEND_TIMEOUT_USEC=${ms}000`;
  }

  #status(): string {
    const { running, jobsDone } = this.#options.work().state();
    return `STATUS=${this.#doing}: ${running} running, ${jobsDone} done`;
  }
}
