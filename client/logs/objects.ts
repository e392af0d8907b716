/** Objects of a log that are fetched before they are needed, together, at most. */
const MOST_AHEAD_BYTES = 16 * 1024 * 1024;
const MOST_AHEAD = 8;

/** An object of a log by its number, from 1 on; undefined if it is not there. */
export type FetchObject = (number: number) => Promise<Uint8Array | undefined>;

/**
 * Numbered objects in their order, with the next ones fetched ahead while there are some: one more for each that is
 * there, twice as many each time, up to 8 or 16 MiB. Where one is missing that starts anew, so that asking whether
 * there is a next one, again and again, is one call each time.
 */
export class NumberedObjects {
  readonly #fetch: FetchObject;
  readonly #ahead = new Map<number, Promise<Uint8Array | undefined>>();
  #taken = 0;
  #window = 0;

  constructor(fetch: FetchObject) {
    this.#fetch = fetch;
  }

  /** The number of the last one that `next` gave; 0 before the first. */
  get taken(): number {
    return this.#taken;
  }

  /** The next object; undefined if it is not there, now. */
  async next(): Promise<Uint8Array | undefined> {
    const number = this.#taken + 1;
    const early = this.#ahead.get(number);
    this.#ahead.delete(number);
    // One that was asked for ahead may have come since.
    const object = (await early) ?? (await this.#fetch(number));
    if (object === undefined) {
      this.#ahead.clear();
      this.#window = 0;
      return undefined;
    }
    this.#taken = number;
    const room = Math.floor(MOST_AHEAD_BYTES / Math.max(1, object.length));
    this.#window = Math.min(2 * this.#window || 1, MOST_AHEAD, Math.max(1, room));
    this.#fill();
    return object;
  }

  #fill(): void {
    for (let number = this.#taken + 1; number <= this.#taken + this.#window; number += 1) {
      if (this.#ahead.has(number)) continue;
      const fetched = this.#fetch(number);
      // Whoever takes it hears of its failure; if nobody does, nobody needs to.
      fetched.catch(() => undefined);
      this.#ahead.set(number, fetched);
    }
  }
}
