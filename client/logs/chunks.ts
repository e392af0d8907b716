import { type FetchObject, NumberedObjects } from './objects.ts';

/** The bytes of a stream, one chunk after the other. */
export class ChunkedBytes {
  readonly #chunks: NumberedObjects;
  /** What is left of the chunk that was taken last. */
  #left: Uint8Array = new Uint8Array();

  constructor(fetch: FetchObject) {
    this.#chunks = new NumberedObjects(fetch);
  }

  /**
   * The next bytes, in pieces.
   *
   * @param bytes how many: an index tells of no byte that is not there
   * @throws `MissingChunk` where one is not there all the same: somebody deleted it
   */
  async *take(bytes: number): AsyncGenerator<Uint8Array> {
    for (let missing = bytes; missing > 0; ) {
      if (this.#left.length === 0 && !(await this.#advance())) throw new MissingChunk(this.#chunks.taken + 1);
      const piece = this.#left.subarray(0, missing);
      this.#left = this.#left.subarray(piece.length);
      missing -= piece.length;
      yield piece;
    }
  }

  /**
   * All that is there beyond.
   *
   * @param chunks how many chunks there are, if its agent has said so at the end: what else lies there it has
   *   counted as lost
   * @throws `MissingChunk` where one of these is not there
   */
  async *rest(chunks?: number): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#left.length > 0) yield this.#left;
      this.#left = new Uint8Array();
      if (chunks !== undefined && this.#chunks.taken >= chunks) return;
      if (await this.#advance()) continue;
      if (chunks !== undefined) throw new MissingChunk(this.#chunks.taken + 1);
      return;
    }
  }

  async #advance(): Promise<boolean> {
    const chunk = await this.#chunks.next();
    if (chunk === undefined) return false;
    this.#left = chunk;
    return true;
  }
}

export class MissingChunk extends Error {
  readonly number: number;

  constructor(number: number) {
    super(`chunk ${number} is not there`);
    this.number = number;
  }
}
