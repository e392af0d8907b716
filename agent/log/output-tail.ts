/** The end of a worker's output, stdout and stderr in the order in which they came, in bounded memory. */
export class OutputTail {
  readonly #limit: number;
  #kept: Buffer | undefined;
  #size = 0;
  #total = 0;

  /** @param limit bytes to keep */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Copies the chunk, so that a few bytes do not keep the whole read buffer alive. */
  write(chunk: Buffer): void {
    this.#total += chunk.length;
    const part = chunk.length > this.#limit ? chunk.subarray(-this.#limit) : chunk;
    this.#kept ??= Buffer.allocUnsafe(2 * this.#limit);
    if (this.#size + part.length > this.#kept.length) {
      this.#kept.copyWithin(0, this.#size - this.#limit, this.#size);
      this.#size = this.#limit;
    }
    this.#size += part.copy(this.#kept, this.#size);
  }

  /** Returns the last bytes, at most `limit`. They are valid until the next `write`. */
  bytes(): Buffer {
    const all = this.#kept?.subarray(0, this.#size) ?? Buffer.alloc(0);
    return all.length > this.#limit ? all.subarray(-this.#limit) : all;
  }

  /** Returns them as text, without the rest of a character that was cut at the start. Invalid UTF-8 becomes U+FFFD. */
  toString(): string {
    const bytes = this.bytes();
    let start = 0;
    while (this.#total > bytes.length && start < 3 && isInsideCharacter(bytes[start])) start += 1;
    return bytes.toString('utf8', start);
  }
}

/** In UTF-8 every byte of a character except the first begins with the bits 10. */
function isInsideCharacter(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
