import type { Clock } from '../aws/clock.ts';
import { expectedRunMs, prefetchCount } from '../policy/prefetch.ts';
import type { Held } from './held.ts';

/** Room for `count` workers at a time, and the few jobs that wait for one to become free. */
export class Slots {
  readonly #count: number;
  readonly #clock: Clock;
  readonly #work: (held: Held) => Promise<void>;
  readonly #onFree: () => void;
  #waiting: Held[] = [];
  #busy = 0;
  #expectedMs: number | undefined;

  /**
   * @param work does one job from its claim to its worker's end; never rejects
   * @param onFree called after a slot became free and found nothing that waits
   */
  constructor(count: number, clock: Clock, work: (held: Held) => Promise<void>, onFree: () => void) {
    this.#count = count;
    this.#clock = clock;
    this.#work = work;
    this.#onFree = onFree;
  }

  get busy(): number {
    return this.#busy;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get free(): number {
    return this.#count - this.#busy;
  }

  /** How many jobs to hold beyond the free slots. */
  get prefetch(): number {
    return prefetchCount(this.#count, this.#expectedMs);
  }

  /** Starts the job, or lets it wait for the next free slot. */
  push(held: Held): void {
    this.#waiting.push(held);
    this.#fill();
  }

  /** Gives back all that waits. */
  clear(): Held[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  #fill(): void {
    while (this.#busy < this.#count) {
      const held = this.#waiting.shift();
      if (!held) return;
      this.#busy += 1;
      void this.#occupy(held);
    }
  }

  async #occupy(held: Held): Promise<void> {
    const startMs = this.#clock.monotonic();
    await this.#work(held);
    this.#expectedMs = expectedRunMs(this.#expectedMs, this.#clock.monotonic() - startMs);
    this.#busy -= 1;
    this.#fill();
    this.#onFree();
  }
}
