/** `Input.next` returns this if the input yields nothing in time. */
export const TIMED_OUT = Symbol('late');

/** Reads the items of a list or of a source that may be slow, such as a pipe. */
export class Input<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  readonly #aborted: Promise<never>;
  #upcoming: Promise<IteratorResult<T>> | undefined;

  constructor(items: Iterable<T> | AsyncIterable<T>, signal: AbortSignal | undefined) {
    this.#iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
    this.#aborted = new Promise((_, reject) => {
      const abort = () => reject(signal?.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
    });
    // It can reject while nothing awaits it.
    this.#aborted.catch(() => {});
  }

  /** The next item, or `TIMED_OUT` if `deadline` resolves first. Rejects as the input does, and when it is aborted. */
  async next(deadline: Promise<unknown> | undefined): Promise<IteratorResult<T> | typeof TIMED_OUT> {
    this.#upcoming ??= Promise.resolve(this.#iterator.next());
    const late = deadline ? [deadline.then((): typeof TIMED_OUT => TIMED_OUT)] : [];
    const next = await Promise.race([this.#aborted, this.#upcoming, ...late]);
    if (next !== TIMED_OUT) this.#upcoming = undefined;
    return next;
  }

  /** Closes the input without waiting for it. */
  close(): void {
    this.#upcoming?.catch(() => {});
    void Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }
}
