import type { Clock } from '../../aws/clock.ts';
import { toError } from '../../lib/error-message.ts';
import {
  addFailure,
  classifyRefusal,
  type RefusableCall,
  type RefusalKind,
  type Refusals as RefusalsNow,
} from '../../policy/refusal.ts';

/**
 * Tracks which of the calls that an agent cannot work without are refused now, and whether a receive was ever answered.
 * The callers report their results here; the lifecycle reads them.
 */
export class RefusalTracker {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #listeners = new Set<() => void>();
  #now: RefusalsNow = {};
  #received = false;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  get current(): RefusalsNow {
    return this.#now;
  }

  /** Whether a receive was answered since the agent's start, with or without a message. */
  get hasReceived(): boolean {
    return this.#received;
  }

  answered(what: RefusableCall): void {
    const isFirst = what === 'receive' && !this.#received;
    // An answered claim shows that the table accepts reports too.
    const ended = what === 'claim' ? (['claim', 'report'] as const) : ([what] as const);
    if (isFirst) this.#received = true;
    else if (ended.every((one) => this.#now[one] === undefined)) return;
    const now = { ...this.#now };
    for (const one of ended) delete now[one];
    this.#now = now;
    this.#changed();
  }

  failed(what: RefusableCall, thrown: unknown): void {
    const error = toError(thrown);
    const kind = classifyRefusal(error);
    if (kind === undefined) this.answered(what);
    else this.refused(what, kind, `${error.name}: ${error.message}`);
  }

  /** @param error as a person is to read it */
  refused(what: RefusableCall, kind: RefusalKind, error: string): void {
    const failure = { kind, error, atMs: this.#clock.monotonic() };
    this.#now = { ...this.#now, [what]: addFailure(this.#now[what], failure) };
    this.#changed();
  }

  /** Calls the listener after every change. Returns a function that removes it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
