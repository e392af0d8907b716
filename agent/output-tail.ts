/** How much of a worker's output is kept for the job's record. */
export const OUTPUT_BYTES = 4096;

/** The last of what a worker printed, stdout and stderr as they came, in bounded memory. */
export class OutputTail {
  readonly #limit: number;
  #kept: Buffer[] = [];
  #size = 0;
  #total = 0;

  /** @param limit bytes to keep */
  constructor(limit: number) {
    this.#limit = limit;
  }

  write(chunk: Buffer): void {
    this.#total += chunk.length;
    // A part of a chunk is copied, so that the few bytes kept do not hold on to the whole of it.
    const part = chunk.length > this.#limit ? Buffer.from(chunk.subarray(-this.#limit)) : chunk;
    this.#kept.push(part);
    this.#size += part.length;
    if (this.#size > 4 * this.#limit || this.#kept.length > 64) this.#compact();
  }

  #compact(): void {
    const all = Buffer.concat(this.#kept);
    this.#kept = [Buffer.from(all.subarray(-this.#limit))];
    this.#size = this.#kept[0]?.length ?? 0;
  }

  /** The text kept. Bytes that are no UTF-8, and a character that was cut at the start, show as U+FFFD. */
  toString(): string {
    if (this.#total === 0) return '';
    const text = Buffer.concat(this.#kept).subarray(-this.#limit).toString();
    return this.#total > this.#limit ? `[...] ${text}` : text;
  }
}
