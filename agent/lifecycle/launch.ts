import { resolvesWithin } from '../../lib/with-timeout.ts';
import { wasReady } from './first-ready.ts';
import { completeLifecycleHook } from './hooks.ts';
import type { InstanceContext } from './instance-context.ts';
import { completeLaunchHook, recordReady, reportAgentStart } from './ready.ts';
import { Wakeup } from './wakeup.ts';

/** How long a table that does not answer may delay the launch. */
const TABLE_MS = 10_000;
const HOOK_MS = 30_000;
/** The state is checked this often even if nothing happens. */
const LONGEST_WAIT_MS = 3_600_000;

export interface LaunchOptions {
  self: InstanceContext;
  stopped: AbortSignal;
  /** A broken instance is never ready. */
  isBroken: () => boolean;
  isPaused: () => boolean;
}

/**
 * How an instance becomes ready: its agent has started, Auto Scaling has put it in service, and AWS has answered the first
 * receive, with or without a message. The table, if there is one, has to answer too. An instance in a warm pool or in a
 * paused fleet is ready without a receive.
 */
export class Launch {
  readonly #options: LaunchOptions;
  /** Aborted when the retirement is recorded: the record must not be overwritten. */
  readonly #retirementRecorded = new AbortController();
  readonly #signal: AbortSignal;
  readonly #changed = new Wakeup();

  constructor(options: LaunchOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([this.#retirementRecorded.signal, options.stopped]);
  }

  /** Reports the agent's start to the table before Auto Scaling puts the instance in service. Goes on if that fails. */
  async reportStart(): Promise<void> {
    const refused = Promise.withResolvers<void>();
    const reported = reportAgentStart(this.#options.self, refused.resolve, this.#signal);
    await this.#waitAtMost(TABLE_MS, Promise.race([reported, refused.promise]));
  }

  /** Completes the launch hook, so that Auto Scaling puts the instance in service or in the warm pool. */
  async completeHook(pooled: boolean): Promise<void> {
    const { self, stopped, isBroken } = this.#options;
    if (isBroken()) {
      // CONTINUE: after ABANDON the group would launch another instance, which would be broken too.
      await completeLifecycleHook(self, self.config.launchHook, HOOK_MS, stopped);
      return;
    }
    const again = await wasReady(self, pooled);
    if (pooled) await this.#waitAtMost(TABLE_MS, recordReady(self, true, this.#signal));
    await completeLaunchHook(self, again, stopped);
  }

  /**
   * Resolves when the instance is ready, with the duration of its boot in milliseconds. Undefined: it retires before, or
   * it is not an EC2 instance.
   */
  async waitUntilReady(): Promise<number | undefined> {
    const { self, isPaused, isBroken } = this.#options;
    while (!self.refusals.hasReceived && !isPaused()) {
      if (this.#signal.aborted || isBroken()) return undefined;
      await this.#changed.wait(self.clock, LONGEST_WAIT_MS);
    }
    return recordReady(self, false, this.#signal);
  }

  /** To be called when AWS has answered or the fleet was paused. */
  recheck(): void {
    this.#changed.wake();
  }

  /** To be called when the retirement is recorded or the lifecycle ends. */
  end(): void {
    this.#retirementRecorded.abort();
    this.#changed.wake();
  }

  async #waitAtMost(ms: number, done: Promise<unknown>): Promise<void> {
    await resolvesWithin(this.#options.self.clock, ms, done);
  }
}
