import type { Clock } from '../../aws/clock.ts';
import { toError } from '../../lib/error-message.ts';
import { failedAgain, type Refusable, type Refusals as RefusalsNow, refusalKind } from '../../policy/refusal.ts';

/**
 * Remembers which of the calls that an agent cannot work without AWS refuses now, and whether a receive was ever
 * answered. Those who make the calls tell it; whoever decides about the instance asks it.
 */
export class Refusals {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #listeners = new Set<() => void>();
  #now: RefusalsNow = {};
  #received = false;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  get now(): RefusalsNow {
    return this.#now;
  }

  /** Whether a receive was answered since the agent's start, be it without a message. */
  get received(): boolean {
    return this.#received;
  }

  answered(what: Refusable): void {
    const first = what === 'receive' && !this.#received;
    const over = what === 'claim' ? (['claim', 'report'] as const) : ([what] as const);
    if (first) this.#received = true;
    else if (over.every((one) => this.#now[one] === undefined)) return;
    const now = { ...this.#now };
    for (const one of over) delete now[one];
    this.#now = now;
    this.#changed();
  }

  failed(what: Refusable, thrown: unknown): void {
    const error = toError(thrown);
    const kind = refusalKind(error);
    if (kind === undefined) {
      this.answered(what);
      return;
    }
    const failure = { kind, error: `${error.name}: ${error.message}`, atMs: this.#clock.monotonic() };
    this.#now = { ...this.#now, [what]: failedAgain(this.#now[what], failure) };
    this.#changed();
  }

  /** Called after every change. Returns how to stop listening. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
