import { type FetchObject, NumberedObjects } from './numbered-objects.ts';

/** Reads the bytes of a stream, chunk by chunk. */
export class ChunkedBytes {
  readonly #chunks: NumberedObjects;
  /** The unread part of the last chunk. */
  #left: Uint8Array = new Uint8Array();

  constructor(fetch: FetchObject) {
    this.#chunks = new NumberedObjects(fetch);
  }

  /**
   * Yields the next bytes in pieces.
   *
   * @param bytes how many; an index lists only bytes that are stored
   * @throws `MissingChunkError` if a chunk was deleted
   */
  async *take(bytes: number): AsyncGenerator<Uint8Array> {
    for (let missing = bytes; missing > 0; ) {
      if (this.#left.length === 0 && !(await this.#advance()))
        throw new MissingChunkError(this.#chunks.taken + 1);
      const piece = this.#left.subarray(0, missing);
      this.#left = this.#left.subarray(piece.length);
      missing -= piece.length;
      yield piece;
    }
  }

  /**
   * Yields all bytes that follow.
   *
   * @param chunks number of chunks, if the agent has recorded it at the end; it has counted later ones as lost
   * @throws `MissingChunkError` if one of these was deleted
   */
  async *rest(chunks?: number): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#left.length > 0) yield this.#left;
      this.#left = new Uint8Array();
      if (chunks !== undefined && this.#chunks.taken >= chunks) return;
      if (await this.#advance()) continue;
      if (chunks !== undefined) throw new MissingChunkError(this.#chunks.taken + 1);
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

/** A chunk of a log does not exist. */
export class MissingChunkError extends Error {
  readonly number: number;

  constructor(number: number) {
    super(`chunk ${number} does not exist`);
    this.number = number;
  }
}
