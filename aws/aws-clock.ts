import { type Clock, systemClock } from './clock.ts';

/** A `Date` header has whole seconds. The response was created within the second that starts there (RFC 9110, "Date"). */
const DATE_STEP_MS = 1000;

/** adjtimex(2): the kernel slews a clock by at most 500 ppm, the monotonic clock too. */
const LARGEST_SLEW = 0.0005;

/** The difference between AWS's time and the monotonic clock is within these bounds. */
interface Bounds {
  lowMs: number;
  highMs: number;
}

/**
 * AWS's time on a machine whose own clock may be wrong. It is the machine's clock, limited to the bounds that the `Date`
 * headers of AWS's responses give. AWS creates a response between the start and the end of its call, so each response
 * narrows the bounds. The bounds are relative to the monotonic clock, so they stay right when the wall clock is set.
 * Before the first response the machine's clock is used as it is.
 */
export class AwsClock implements Clock {
  readonly #machine: Clock;
  /** The bounds at `atMs`, monotonic. */
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
    const response = { lowMs: dateMs - atMs, highMs: dateMs + DATE_STEP_MS - startMs };
    const known = this.#boundsAt(atMs);
    const lowMs = Math.max(response.lowMs, known?.lowMs ?? response.lowMs);
    const highMs = Math.min(response.highMs, known?.highMs ?? response.highMs);
    // If it contradicts the earlier responses, the machine was suspended or AWS set a clock: the latest response counts.
    this.#known = { ...(lowMs <= highMs ? { lowMs, highMs } : response), atMs };
  }

  /** The bounds of AWS's time now. */
  #boundsNow(): Bounds | undefined {
    const monotonicMs = this.monotonic();
    const offset = this.#boundsAt(monotonicMs);
    return offset && { lowMs: offset.lowMs + monotonicMs, highMs: offset.highMs + monotonicMs };
  }

  /** The bounds of the difference at a time. They widen as time passes. */
  #boundsAt(monotonicMs: number): Bounds | undefined {
    if (!this.#known) return undefined;
    const { lowMs, highMs, atMs } = this.#known;
    const slewMs = (monotonicMs - atMs) * LARGEST_SLEW;
    return { lowMs: lowMs - slewMs, highMs: highMs + slewMs };
  }
}
