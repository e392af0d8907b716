import type { Clock } from '../../aws/clock.ts';

/**
 * How long the text of a secret is used after it was read: jobs that start a minute after a rotation have the new value. A busy
 * instance thus reads each secret once a minute and not once a job, which costs about 20 cents a month in Secrets Manager
 * ($0.05 for 10,000 calls).
 */
export const CACHE_MS = 60_000;

/** One secret, as it was read last. There is one call at a time: all who ask meanwhile get its result. */
export class SecretCache {
  readonly #read: () => Promise<string>;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #latest: { text: string; atMs: number } | undefined;
  #reading: Promise<string> | undefined;

  constructor(read: () => Promise<string>, clock: Pick<Clock, 'monotonic'>) {
    this.#read = read;
    this.#clock = clock;
  }

  /** Rejects if the secret has to be read and cannot: what was read before is then not used any more. */
  get(): Promise<string> {
    const { text, atMs } = this.#latest ?? { text: '', atMs: Number.NEGATIVE_INFINITY };
    if (this.#clock.monotonic() - atMs < CACHE_MS) return Promise.resolve(text);
    this.#reading ??= this.#fetch().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Makes the next `get` read it again. */
  drop(): void {
    this.#latest = undefined;
  }

  async #fetch(): Promise<string> {
    this.#latest = undefined;
    // From before the call: the value may be replaced while the answer is on its way.
    const atMs = this.#clock.monotonic();
    const text = await this.#read();
    this.#latest = { text, atMs };
    return text;
  }
}
