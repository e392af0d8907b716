import { type Clock, systemClock } from './clock.ts';

/** A `Date` header has whole seconds: the answer was given within the second that begins there (RFC 9110, "Date"). */
const DATE_STEP_MS = 1000;

/** adjtimex(2): the kernel slews a clock that runs wrong by 500 ppm at most, the monotonic one too. */
const LARGEST_SLEW = 0.0005;

/** Between these AWS's time less the monotonic clock lies. */
interface Bounds {
  lowMs: number;
  highMs: number;
}

/**
 * AWS's time on a machine whose own clock may be wrong: the machine's clock, held within the bounds that the `Date`
 * headers of AWS's answers give. An answer was given between the start and the end of its call, so each narrows the
 * bounds, and they hold against the monotonic clock when the wall clock is set. Where the machine's clock is right it is
 * what counts. Before the first answer it is all there is.
 */
export class AwsClock implements Clock {
  readonly #machine: Clock;
  /** As they were at `atMs`, monotonic. */
  #known: (Bounds & { atMs: number }) | undefined;

  /** @param machine default: the system's clock */
  constructor(machine: Clock = systemClock) {
    this.#machine = machine;
  }

  now(): number {
    const nowMs = this.#machine.now();
    const bounds = this.#boundsNow();
    return bounds ? Math.round(Math.max(bounds.lowMs, Math.min(bounds.highMs, nowMs))) : nowMs;
  }

  errorMs(): number | undefined {
    const bounds = this.#boundsNow();
    if (!bounds) return undefined;
    const nowMs = this.now();
    return Math.ceil(Math.max(bounds.highMs - nowMs, nowMs - bounds.lowMs));
  }

  machineNow(): number {
    return this.#machine.now();
  }

  monotonic(): number {
    return this.#machine.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#machine.sleep(ms, signal);
  }

  learn(date: string | undefined, startMs: number): void {
    const dateMs = Date.parse(date ?? '');
    if (Number.isNaN(dateMs)) return;
    const atMs = this.monotonic();
    const told = { lowMs: dateMs - atMs, highMs: dateMs + DATE_STEP_MS - startMs };
    const known = this.#boundsAt(atMs);
    const lowMs = Math.max(told.lowMs, known?.lowMs ?? told.lowMs);
    const highMs = Math.min(told.highMs, known?.highMs ?? told.highMs);
    // What contradicts the answers before it, the machine was asleep or a clock of AWS was set: the latest counts.
    this.#known = { ...(lowMs <= highMs ? { lowMs, highMs } : told), atMs };
  }

  /** Of AWS's time now. */
  #boundsNow(): Bounds | undefined {
    const monotonicMs = this.monotonic();
    const offset = this.#boundsAt(monotonicMs);
    return offset && { lowMs: offset.lowMs + monotonicMs, highMs: offset.highMs + monotonicMs };
  }

  /** Of the offset: what is known grows less exact with time. */
  #boundsAt(monotonicMs: number): Bounds | undefined {
    if (!this.#known) return undefined;
    const { lowMs, highMs, atMs } = this.#known;
    const slewMs = (monotonicMs - atMs) * LARGEST_SLEW;
    return { lowMs: lowMs - slewMs, highMs: highMs + slewMs };
  }
}
