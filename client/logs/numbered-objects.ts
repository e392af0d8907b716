/** Most objects of a log that are fetched ahead, and their most bytes. */
const MOST_AHEAD_BYTES = 16 * 1024 * 1024;
const MOST_AHEAD = 8;

/** Fetches an object of a log by its number, from 1. Undefined if it does not exist. */
export type FetchObject = (number: number) => Promise<Uint8Array | undefined>;

/**
 * Reads numbered objects in order and fetches the next ones ahead. The number fetched ahead doubles with each object
 * that exists, up to 8 objects or 16 MiB. It starts again at 0 when one is missing, so that polling for the next object
 * takes one call each time.
 */
export class NumberedObjects {
  readonly #fetch: FetchObject;
  readonly #ahead = new Map<number, Promise<Uint8Array | undefined>>();
  #taken = 0;
  #window = 0;

  constructor(fetch: FetchObject) {
    this.#fetch = fetch;
  }

  /** The number of the last object that `next` returned; 0 before the first. */
  get taken(): number {
    return this.#taken;
  }

  /** The next object. Undefined if it does not exist now. */
  async next(): Promise<Uint8Array | undefined> {
    const number = this.#taken + 1;
    const early = this.#ahead.get(number);
    this.#ahead.delete(number);
    // An object that did not exist when it was fetched ahead may exist now.
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
      // `next` awaits it and gets its failure. Without a handler here, an unread one would end the process.
      fetched.catch(() => undefined);
      this.#ahead.set(number, fetched);
    }
  }
}
