import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { SQS_MAX_BATCH_SIZE, SQS_MAX_WAIT_SECONDS } from '../../lib/limits.ts';
import type { JobQueue, Message } from '../../store/job-queue.ts';
import type { RefusalTracker } from '../supervision/refusals.ts';

export interface ReceiverOptions {
  queue: JobQueue;
  clock: Clock;
  random: () => number;
  log: Log;
  leaseSeconds: number;
  /** Returns the current room, without regard to receives that run. */
  room: () => Room;
  /**
   * Gets the messages of a receive. `startMs` is when the receive began, in monotonic milliseconds. `wanted` is false if
   * the receive began before the instance was slowed down: its jobs are left to others.
   */
  deliver: (messages: Message[], startMs: number, wanted: boolean) => void;
  /** Gets the result of each receive. */
  refusals: Pick<RefusalTracker, 'answered' | 'failed'>;
  /** Returns how long to wait before each receive, which then asks for one job. 0: no wait. */
  pauseMs: () => number;
  /** Called after a receive with a pause before it. */
  onSlowReceive: () => void;
  /** Called at the start of each receive and of each pause, for the watchdog. */
  onAttempt: () => void;
}

export interface Room {
  /** Slots without a worker. */
  free: number;
  /** Jobs that wait for a slot. */
  waiting: number;
  /** How many jobs may wait, beyond the free slots. */
  prefetch: number;
}

/** Concurrent receives when one does not bring enough. More would only take jobs from other instances. */
const MAX_POLLS = 2;

/**
 * A pause has to wait for the current receive, so an instance that may soon retire polls for a short time. An instance
 * that has had no job for more than a minute, and was kept, polls longer to save requests.
 */
const SHORT_POLL_SECONDS = 5;
const SHORT_POLLS_MS = 60_000;
/** Short, since the first answer makes the instance ready. With a wait time SQS asks all of its servers. */
const FIRST_POLL_SECONDS = 1;

export const RETRY_DELAYS = { initialMs: 500, maxMs: 20_000 };

/**
 * Receives as many jobs as there is room for, one long poll after the other. A second poll runs at the same time while the
 * queue returns all that was asked for and slots are free. After errors it waits, longer each time, and goes on until it is
 * paused.
 */
export class Receiver {
  readonly #options: ReceiverOptions;
  #lastJobMs: number;
  readonly #polls = new Set<Promise<void>>();
  /** Aborted to pause. Ends the wait after an error, never a receive. */
  #receiving = new AbortController();
  #requested = 0;
  #failures = 0;
  #answered = false;
  /** The last receive returned as many jobs as it asked for. */
  #wasFull = false;
  /** Aborted when the instance is not slowed down any more. Ends the pause before a receive. */
  #pausing = new AbortController();
  /** The last receive brought a job, or none was made yet: there may be more in the queue. */
  #broughtJob = true;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#lastJobMs = options.clock.monotonic();
    this.#receiving.abort();
  }

  get paused(): boolean {
    return this.#receiving.signal.aborted;
  }

  /** Whether receives have to follow each other: one runs, or there is room for more jobs. */
  get receiving(): boolean {
    return !this.paused && (this.#polls.size > 0 || this.#count() > 0);
  }

  /** Whether it waits although there may be jobs, so that other instances get them. */
  get holdsBack(): boolean {
    return !this.paused && this.#broughtJob && this.#options.pauseMs() > 0;
  }

  /** To be called when the instance is not slowed down any more. */
  endPause(): void {
    this.#pausing.abort();
    this.#pausing = new AbortController();
    this.startReceives();
  }

  resume(): void {
    if (this.paused) this.#receiving = new AbortController();
    this.startReceives();
  }

  /** Resolves when no receive runs any more. Their messages are still delivered. */
  async pause(): Promise<void> {
    this.#receiving.abort();
    await Promise.all(this.#polls);
  }

  /** Starts the receives that are needed now. To be called whenever there may be more room. */
  startReceives(): void {
    while (!this.paused && this.#polls.size < this.#maxPolls()) {
      const count = this.#count();
      if (count === 0) return;
      this.#requested += count;
      const poll: Promise<void> = this.#poll(count).finally(() => {
        this.#polls.delete(poll);
        this.startReceives();
      });
      this.#polls.add(poll);
    }
  }

  #maxPolls(): number {
    return this.#wasFull && this.#options.pauseMs() === 0 ? MAX_POLLS : 1;
  }

  /** Receives once, paused or not. Rejects if the receive fails. */
  receiveOnce(count: number, waitSeconds: number): Promise<Message[]> {
    return this.#receive(count, waitSeconds, () => true);
  }

  async #receive(count: number, waitSeconds: number, isWanted: () => boolean): Promise<Message[]> {
    const startMs = this.#options.clock.monotonic();
    this.#options.onAttempt();
    const messages = await this.#ask(count, waitSeconds);
    this.#options.deliver(messages, startMs, isWanted());
    return messages;
  }

  async #ask(count: number, waitSeconds: number): Promise<Message[]> {
    const { queue, leaseSeconds, refusals } = this.#options;
    try {
      const messages = await queue.receive(count, waitSeconds, leaseSeconds);
      this.#answered = true;
      refusals.answered('receive');
      return messages;
    } catch (error) {
      refusals.failed('receive', error);
      throw error;
    }
  }

  /** For a free slot it asks at once. Jobs that wait are refilled by a full batch, or when half of them are used. */
  #count(): number {
    const { free, waiting, prefetch } = this.#options.room();
    const wanted = free + prefetch - waiting - this.#requested;
    const urgent = free - waiting - this.#requested > 0;
    if (this.#options.pauseMs() > 0) return urgent ? 1 : 0;
    const worthwhile = Math.min(SQS_MAX_BATCH_SIZE, Math.max(1, prefetch / 2));
    return urgent || wanted >= worthwhile ? Math.max(0, Math.min(SQS_MAX_BATCH_SIZE, wanted)) : 0;
  }

  async #poll(count: number): Promise<void> {
    const { signal } = this.#receiving;
    const pauseMs = this.#options.pauseMs();
    const isSlow = pauseMs > 0;
    if (isSlow && !(await this.#wait(pauseMs, signal))) {
      this.#requested -= count;
      return;
    }
    try {
      const isWanted = () => isSlow || this.#options.pauseMs() === 0;
      const messages = await this.#receive(count, this.#waitSeconds(), isWanted);
      this.#failures = 0;
      this.#broughtJob = messages.length > 0;
      if (messages.length > 0) this.#lastJobMs = this.#options.clock.monotonic();
      this.#wasFull = messages.length === count;
      this.#requested -= count;
      if (isSlow) this.#options.onSlowReceive();
    } catch (err) {
      this.#requested -= count;
      this.#broughtJob = false;
      if (isSlow) this.#options.onSlowReceive();
      await this.#waitAfter(err, signal);
    }
  }

  /** Waits before a receive. Returns whether the receive is still wanted. */
  async #wait(pauseMs: number, signal: AbortSignal): Promise<boolean> {
    this.#options.onAttempt();
    const ended = AbortSignal.any([signal, this.#pausing.signal]);
    await this.#options.clock.sleep(pauseMs, ended).catch(() => undefined);
    return !signal.aborted;
  }

  #waitSeconds(): number {
    const { clock, leaseSeconds } = this.#options;
    if (!this.#answered) return FIRST_POLL_SECONDS;
    const idleMs = clock.monotonic() - this.#lastJobMs;
    const seconds = idleMs > SHORT_POLLS_MS ? SQS_MAX_WAIT_SECONDS : SHORT_POLL_SECONDS;
    // A lease counts from the start of its receive. At least half of it is left when the receive ends.
    return Math.min(seconds, Math.floor(leaseSeconds / 2));
  }

  async #waitAfter(err: unknown, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    this.#failures += 1;
    const waitMs = Math.ceil(backoffMs(RETRY_DELAYS, this.#failures, random));
    log.warn({ err, failures: this.#failures, waitMs }, 'cannot receive from the queue');
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}
