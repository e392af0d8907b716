/** The input had nothing more to give in time. */
export const LATE = Symbol('late');

/** Reads what comes one after the other, from a list or from what may be slow, such as a pipe. */
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
    // Nobody may be waiting for it just then.
    this.#aborted.catch(() => {});
  }

  /** The next one, or `LATE` if `patience` resolves first. Rejects as the input does, and when it is aborted. */
  async next(patience: Promise<unknown> | undefined): Promise<IteratorResult<T> | typeof LATE> {
    this.#upcoming ??= Promise.resolve(this.#iterator.next());
    const late = patience ? [patience.then((): typeof LATE => LATE)] : [];
    const next = await Promise.race([this.#aborted, this.#upcoming, ...late]);
    if (next !== LATE) this.#upcoming = undefined;
    return next;
  }

  /** Lets go of the input, which may be in the middle of something. */
  close(): void {
    this.#upcoming?.catch(() => {});
    void Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }
}
