/** The last of what a worker printed, stdout and stderr as they came, in bounded memory. */
export class OutputTail {
  readonly #limit: number;
  #kept: Buffer | undefined;
  #size = 0;
  #total = 0;

  /** @param limit bytes to keep */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What comes is copied: a few bytes kept do not hold on to all that was read with them. */
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

  /** The last bytes, at most `limit`, valid until the next `write`. */
  bytes(): Buffer {
    const all = this.#kept?.subarray(0, this.#size) ?? Buffer.alloc(0);
    return all.length > this.#limit ? all.subarray(-this.#limit) : all;
  }

  /** They as text: without the rest of a character that was cut at the start; bytes that are no UTF-8 as U+FFFD. */
  toString(): string {
    const bytes = this.bytes();
    let start = 0;
    while (this.#total > bytes.length && start < 3 && isInsideCharacter(bytes[start])) start += 1;
    return bytes.toString('utf8', start);
  }
}

/** In UTF-8 every byte of a character but the first begins with the bits 10. */
function isInsideCharacter(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
