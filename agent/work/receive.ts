import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { LARGEST_BATCH, LONGEST_POLL_SECONDS } from '../../lib/limits.ts';
import type { JobQueue, Message } from '../../store/queue.ts';
import { backoffMs } from '../../policy/backoff.ts';
import type { Refusals } from '../supervision/refusals.ts';

export interface ReceiverOptions {
  queue: JobQueue;
  clock: Clock;
  random: () => number;
  log: Log;
  leaseSeconds: number;
  /** The room there is now, less what has been asked for already. */
  room: () => Room;
  /**
   * Gets what a receive brought; `startMs` is the monotonic time at which the receive began. `wanted`: not if it was begun
   * before jobs were to be left to others.
   */
  deliver: (messages: Message[], startMs: number, wanted: boolean) => void;
  /** Told how each receive ended. */
  refusals: Pick<Refusals, 'answered' | 'failed'>;
  /** How long to wait before each receive, which then asks for one job; 0: not at all. */
  pauseMs: () => number;
  /** Called after a receive with a pause before it. */
  onSlowReceive: () => void;
  /** Called at the start of each receive, and of a pause before one: the sign of life of the loop. */
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

/** Two when one does not bring enough: more only take jobs from other instances. */
const MOST_POLLS = 2;

/**
 * A pause has to wait for the receive under way, so an instance that may soon retire polls shortly; one that has
 * been without a job for longer than a minute, and was kept, saves requests instead.
 */
const SHORT_POLL_SECONDS = 5;
const SHORT_POLLS_MS = 60_000;
/** The first answer makes the instance ready. SQS asks all of its servers from one second of waiting on. */
const FIRST_POLL_SECONDS = 1;

export const WAITS = { initialMs: 500, maxMs: 20_000 };

/**
 * Long polls for as many jobs as can be used, one poll after the other; a second at the same time while the queue
 * gives all that was asked for and slots are free. After an error it waits, longer each time, and goes on: it stops
 * only when it is told to.
 */
export class Receiver {
  readonly #options: ReceiverOptions;
  #lastJobMs: number;
  readonly #polls = new Set<Promise<void>>();
  /** Aborted to pause: cuts the wait after an error short, never a receive. */
  #receiving = new AbortController();
  #asked = 0;
  #failures = 0;
  #answered = false;
  #plenty = false;
  /** Aborted when jobs are received as usual again: cuts a pause short. */
  #pausing = new AbortController();
  /** The last receive brought a job, or none was made yet: how much waits on the queue is not known. */
  #broughtJob = true;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#lastJobMs = options.clock.monotonic();
    this.#receiving.abort();
  }

  get paused(): boolean {
    return this.#receiving.signal.aborted;
  }

  /** Whether receives have to follow each other: one is under way, or there is room for what it could bring. */
  get receiving(): boolean {
    return !this.paused && (this.#polls.size > 0 || this.#count() > 0);
  }

  /** Whether it waits although there may be jobs, so that others get them. */
  get holdsBack(): boolean {
    return !this.paused && this.#broughtJob && this.#options.pauseMs() > 0;
  }

  /** Jobs are received as usual again. */
  endPause(): void {
    this.#pausing.abort();
    this.#pausing = new AbortController();
    this.pump();
  }

  resume(): void {
    if (this.paused) this.#receiving = new AbortController();
    this.pump();
  }

  /** Resolves when no receive is under way. What they bring is still delivered. */
  async pause(): Promise<void> {
    this.#receiving.abort();
    await Promise.all(this.#polls);
  }

  /** Begins what receives are wanted now; to be called whenever there may be more room. */
  pump(): void {
    while (!this.paused && this.#polls.size < this.#mostPolls()) {
      const count = this.#count();
      if (count === 0) return;
      this.#asked += count;
      const poll: Promise<void> = this.#poll(count).finally(() => {
        this.#polls.delete(poll);
        this.pump();
      });
      this.#polls.add(poll);
    }
  }

  #mostPolls(): number {
    return this.#plenty && this.#options.pauseMs() === 0 ? MOST_POLLS : 1;
  }

  /** One receive now, paused or not. Rejects if it fails. */
  look(count: number, waitSeconds: number): Promise<Message[]> {
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

  /** A free slot asks at once; waiting jobs are topped up by a full batch, or when half of them are used. */
  #count(): number {
    const { free, waiting, prefetch } = this.#options.room();
    const wanted = free + prefetch - waiting - this.#asked;
    const urgent = free - waiting - this.#asked > 0;
    if (this.#options.pauseMs() > 0) return urgent ? 1 : 0;
    const worthwhile = Math.min(LARGEST_BATCH, Math.max(1, prefetch / 2));
    return urgent || wanted >= worthwhile ? Math.max(0, Math.min(LARGEST_BATCH, wanted)) : 0;
  }

  async #poll(count: number): Promise<void> {
    const { signal } = this.#receiving;
    const pauseMs = this.#options.pauseMs();
    const isSlow = pauseMs > 0;
    if (isSlow && !(await this.#wait(pauseMs, signal))) {
      this.#asked -= count;
      return;
    }
    try {
      const isWanted = () => isSlow || this.#options.pauseMs() === 0;
      const messages = await this.#receive(count, this.#waitSeconds(), isWanted);
      this.#failures = 0;
      this.#broughtJob = messages.length > 0;
      if (messages.length > 0) this.#lastJobMs = this.#options.clock.monotonic();
      this.#plenty = messages.length === count;
      this.#asked -= count;
      if (isSlow) this.#options.onSlowReceive();
    } catch (err) {
      this.#asked -= count;
      this.#broughtJob = false;
      if (isSlow) this.#options.onSlowReceive();
      await this.#waitAfter(err, signal);
    }
  }

  /** The pause before a receive. Tells whether one is still wanted. */
  async #wait(pauseMs: number, signal: AbortSignal): Promise<boolean> {
    this.#options.onAttempt();
    const cut = AbortSignal.any([signal, this.#pausing.signal]);
    await this.#options.clock.sleep(pauseMs, cut).catch(() => undefined);
    return !signal.aborted;
  }

  #waitSeconds(): number {
    const { clock, leaseSeconds } = this.#options;
    if (!this.#answered) return FIRST_POLL_SECONDS;
    const quietMs = clock.monotonic() - this.#lastJobMs;
    const longest = quietMs > SHORT_POLLS_MS ? LONGEST_POLL_SECONDS : SHORT_POLL_SECONDS;
    // A lease counts from the start of its receive: half of it at least is left when the receive ends.
    return Math.min(longest, Math.floor(leaseSeconds / 2));
  }

  async #waitAfter(err: unknown, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    this.#failures += 1;
    const waitMs = Math.ceil(backoffMs(WAITS, this.#failures, random));
    log.warn({ err, failures: this.#failures, waitMs }, 'nothing could be received from the queue');
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}
