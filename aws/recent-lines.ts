/** Keeps the latest lines of a log in memory, up to so many characters. */
export class RecentLines {
  readonly #most: number;
  #lines: string[] = [];
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @param line with its line break */
  write(line: string): void {
    this.#lines.push(line);
    this.#size += line.length;
    // Rarely, as it copies: the lines take up twice the room at most.
    if (this.#size > 2 * this.#most) this.#trim();
  }

  text(): string {
    this.#trim();
    return this.#lines.join('');
  }

  #trim(): void {
    let from = this.#lines.length;
    let size = 0;
    while (from > 0 && size + (this.#lines[from - 1]?.length ?? 0) <= this.#most) {
      from -= 1;
      size += this.#lines[from]?.length ?? 0;
    }
    this.#lines = this.#lines.slice(from);
    this.#size = size;
  }
}
