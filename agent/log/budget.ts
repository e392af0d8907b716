/** The memory that all logs of an agent share. It may be overdrawn by what was on its way when it ran out. */
export class Budget {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #used = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  get exhausted(): boolean {
    return this.#used >= this.#limit;
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
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
