import type { Clock } from '../../aws/clock.ts';
import { expectedRunMs, prefetchCount } from '../../policy/prefetch.ts';
import type { Held } from './held.ts';

/** They should have started within a second: who has waited longer waits behind long jobs, and for how long is unknown. */
const LONGEST_WAIT_MS = 2000;

export interface SlotsOptions {
  count: number;
  clock: Clock;
  /** Does one job from its claim to its worker's end; never rejects. */
  work: (held: Held) => Promise<void>;
  /** Gets a job that waited in vain for a slot, to hand it back: another instance may have one. */
  giveBack: (held: Held) => void;
  /** Called after a slot became free and found nothing that waits. */
  onFree: () => void;
}

/** Room for `count` workers at a time, and the few jobs that wait for one to become free. */
export class Slots {
  readonly #options: SlotsOptions;
  #waiting: { held: Held; sinceMs: number }[] = [];
  #watching = false;
  #busy = 0;
  #expectedMs: number | undefined;

  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  get busy(): number {
    return this.#busy;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get free(): number {
    return this.#options.count - this.#busy;
  }

  /** How many jobs to hold beyond the free slots. */
  get prefetch(): number {
    return prefetchCount(this.#options.count, this.#expectedMs);
  }

  /** Starts the job, or lets it wait for the next free slot. */
  push(held: Held): void {
    this.#waiting.push({ held, sinceMs: this.#options.clock.monotonic() });
    this.#fill();
    if (!this.#watching) void this.#watchWaiting();
  }

  /** Gives back all that waits. */
  clear(): Held[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting.map(({ held }) => held);
  }

  /** One timer for all that wait, while any does. */
  async #watchWaiting(): Promise<void> {
    const { clock, giveBack } = this.#options;
    this.#watching = true;
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const leftMs = first.sinceMs + LONGEST_WAIT_MS - clock.monotonic();
      if (leftMs > 0) await clock.sleep(leftMs);
      if (this.#waiting[0] !== first) continue;
      this.#expectedMs = expectedRunMs(this.#expectedMs, LONGEST_WAIT_MS);
      for (const held of this.clear()) giveBack(held);
    }
    this.#watching = false;
  }

  #fill(): void {
    while (this.#busy < this.#options.count) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#busy += 1;
      void this.#occupy(next.held);
    }
  }

  async #occupy(held: Held): Promise<void> {
    const { clock, work, onFree } = this.#options;
    const startMs = clock.monotonic();
    await work(held);
    this.#expectedMs = expectedRunMs(this.#expectedMs, clock.monotonic() - startMs);
    this.#busy -= 1;
    this.#fill();
    onFree();
  }
}
