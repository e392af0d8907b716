/**
 * The memory budget that all logs of an agent share. Output that was already read may exceed it. Buffers of one size are
 * reused: the garbage of a gigabyte of output would be collected late and take more memory than the budget.
 */
export class LogMemory {
  readonly #limit: number;
  readonly #bufferBytes: number;
  readonly #waiting = new Set<() => void>();
  #spare: Buffer[] = [];
  #used = 0;

  /**
   * @param limit bytes
   * @param bufferBytes the size of the buffers that are reused
   */
  constructor(limit: number, bufferBytes: number) {
    this.#limit = limit;
    this.#bufferBytes = bufferBytes;
  }

  get used(): number {
    return this.#used;
  }

  get isExhausted(): boolean {
    return this.#used >= this.#limit;
  }

  /** Returns a buffer of this size. Its content is undefined. */
  allocate(bytes: number): Buffer {
    this.reserve(bytes);
    return (bytes === this.#bufferBytes && this.#spare.pop()) || Buffer.allocUnsafeSlow(bytes);
  }

  /** @param idle whether the buffer is not in use any more, so that it may be reused */
  free(buffer: Buffer, idle: boolean): void {
    if (idle && buffer.length === this.#bufferBytes) this.#spare.push(buffer);
    this.release(buffer.length);
  }

  reserve(bytes: number): void {
    this.#used += bytes;
  }

  release(bytes: number): void {
    this.#used -= bytes;
    if (this.#used === 0) this.#spare = [];
    if (this.isExhausted) return;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves when there is room again, or when `timeout` is settled. Returns whether there is room. */
  async waitForRoom(timeout: Promise<unknown>): Promise<boolean> {
    if (this.isExhausted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await Promise.race([promise, timeout]);
      this.#waiting.delete(resolve);
    }
    return !this.isExhausted;
  }
}
