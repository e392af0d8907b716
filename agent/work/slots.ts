import type { Clock } from '../../aws/clock.ts';
import { expectedRunMs, prefetchCount } from '../../policy/prefetch.ts';
import type { InFlightMessage } from './in-flight-message.ts';

/** Jobs are fetched ahead to start within a second. A job that has waited longer waits for long jobs, for an unknown time. */
const MAX_WAIT_MS = 2000;

export interface SlotsOptions {
  count: number;
  clock: Clock;
  /** Runs one job, from its claim to the end of its worker. Never rejects. */
  run: (inFlight: InFlightMessage) => Promise<void>;
  /** Requeues a job that has waited too long for a slot: another instance may have one. */
  requeue: (inFlight: InFlightMessage) => void;
  /** Called after a slot has become free. */
  onFree: () => void;
}

/** Slots for `count` workers, and the few jobs that wait for a slot. */
export class Slots {
  readonly #options: SlotsOptions;
  #waiting: { inFlight: InFlightMessage; sinceMs: number }[] = [];
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

  /** Starts the job now or when a slot is free. */
  push(inFlight: InFlightMessage): void {
    this.#waiting.push({ inFlight, sinceMs: this.#options.clock.monotonic() });
    this.#fill();
    if (!this.#watching) void this.#watchWaiting();
  }

  /** Removes and returns the jobs that wait. */
  clear(): InFlightMessage[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting.map(({ inFlight }) => inFlight);
  }

  /** One timer for all jobs that wait. */
  async #watchWaiting(): Promise<void> {
    const { clock, requeue } = this.#options;
    this.#watching = true;
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const leftMs = first.sinceMs + MAX_WAIT_MS - clock.monotonic();
      if (leftMs > 0) await clock.sleep(leftMs);
      if (this.#waiting[0] !== first) continue;
      this.#expectedMs = expectedRunMs(this.#expectedMs, MAX_WAIT_MS);
      for (const inFlight of this.clear()) requeue(inFlight);
    }
    this.#watching = false;
  }

  #fill(): void {
    while (this.#busy < this.#options.count) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#busy += 1;
      void this.#occupy(next.inFlight);
    }
  }

  async #occupy(inFlight: InFlightMessage): Promise<void> {
    const { clock, run, onFree } = this.#options;
    const startMs = clock.monotonic();
    await run(inFlight);
    this.#expectedMs = expectedRunMs(this.#expectedMs, clock.monotonic() - startMs);
    this.#busy -= 1;
    this.#fill();
    onFree();
  }
}
