/**
 * The memory that all logs of an agent share. It may be overdrawn by what was on its way when it ran out. Buffers of
 * one size are used again: garbage of a gigabyte of output is collected late, and would be the most of what it takes.
 */
export class Memory {
  readonly #limit: number;
  readonly #bufferBytes: number;
  readonly #waiting = new Set<() => void>();
  #spare: Buffer[] = [];
  #used = 0;

  /**
   * @param limit bytes
   * @param bufferBytes size of the buffers that are used again
   */
  constructor(limit: number, bufferBytes: number) {
    this.#limit = limit;
    this.#bufferBytes = bufferBytes;
  }

  get used(): number {
    return this.#used;
  }

  get exhausted(): boolean {
    return this.#used >= this.#limit;
  }

  /** A buffer of this size, with anything in it. */
  allocate(bytes: number): Buffer {
    this.take(bytes);
    return (bytes === this.#bufferBytes && this.#spare.pop()) || Buffer.allocUnsafeSlow(bytes);
  }

  /** @param idle whether nobody can read or write it any more, so that it may be used again */
  free(buffer: Buffer, idle: boolean): void {
    if (idle && buffer.length === this.#bufferBytes) this.#spare.push(buffer);
    this.giveBack(buffer.length);
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
    if (this.#used === 0) this.#spare = [];
    if (this.exhausted) return;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves when there is room again, or when `late` is settled; with whether there is. */
  async room(late: Promise<unknown>): Promise<boolean> {
    if (this.exhausted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await Promise.race([promise, late]);
      this.#waiting.delete(resolve);
    }
    return !this.exhausted;
  }
}
