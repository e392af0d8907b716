import { resolvesWithin } from '../../lib/with-timeout.ts';
import { Bell } from './bell.ts';
import { wasReady } from './first-ready.ts';
import { completeHook } from './hooks.ts';
import { begin, completeLaunch, recordReady } from './ready.ts';
import type { Self } from './self.ts';

/** How long a table that does not answer may hold the launch up. */
const TABLE_MS = 10_000;
const HOOK_MS = 30_000;
/** Looked at this often even if nothing happens. */
const LONGEST_WAIT_MS = 3_600_000;

export interface ArrivalOptions {
  self: Self;
  stopped: AbortSignal;
  /** An instance that is of no use is never ready. */
  isBroken: () => boolean;
  isPaused: () => boolean;
}

/**
 * How an instance becomes ready: its agent has started, Auto Scaling has let it into service, and AWS has answered its
 * first receive, be it without a message; and the table, if there is one. One that waits in a warm pool, or whose fleet is
 * paused, receives nothing and is ready without.
 */
export class Arrival {
  readonly #options: ArrivalOptions;
  /** Until the retirement is on record: nothing is to be written over that. */
  readonly #recorded = new AbortController();
  readonly #signal: AbortSignal;
  readonly #changed = new Bell();

  constructor(options: ArrivalOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([this.#recorded.signal, options.stopped]);
  }

  /** The table hears of the agent before Auto Scaling counts on it, unless it refuses to. */
  async begin(): Promise<void> {
    const refused = Promise.withResolvers<void>();
    const reported = begin(this.#options.self, refused.resolve, this.#signal);
    await this.#waitAtMost(TABLE_MS, Promise.race([reported, refused.promise]));
  }

  /** Lets Auto Scaling go on with the launch, into service or into the warm pool. */
  async letIn(pooled: boolean): Promise<void> {
    const { self, stopped, isBroken } = this.#options;
    if (isBroken()) {
      // CONTINUE: an abandoned launch would make the group buy another one, which would be as broken.
      await completeHook(self, self.config.launchHook, HOOK_MS, stopped);
      return;
    }
    const again = await wasReady(self, pooled);
    if (pooled) await this.#waitAtMost(TABLE_MS, recordReady(self, true, this.#signal));
    await completeLaunch(self, again, stopped);
  }

  /** Resolves with what the boot took, in milliseconds, once the instance is ready; undefined: it goes before, or is not EC2's. */
  async ready(): Promise<number | undefined> {
    const { self, isPaused, isBroken } = this.#options;
    while (!self.refusals.received && !isPaused()) {
      if (this.#signal.aborted || isBroken()) return undefined;
      await this.#changed.wait(self.clock, LONGEST_WAIT_MS);
    }
    return recordReady(self, false, this.#signal);
  }

  /** To be called when AWS has answered, or the fleet was paused. */
  look(): void {
    this.#changed.ring();
  }

  /** To be called when the retirement goes on record, or the life is over. */
  end(): void {
    this.#recorded.abort();
    this.#changed.ring();
  }

  async #waitAtMost(ms: number, done: Promise<unknown>): Promise<void> {
    await resolvesWithin(this.#options.self.clock, ms, done);
  }
}
