/** Keeps the latest lines of a log in memory, up to a number of characters. */
export class RecentLines {
  readonly #maxCharacters: number;
  #lines: string[] = [];
  #size = 0;

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  /** @param line with its line break */
  write(line: string): void {
    this.#lines.push(line);
    this.#size += line.length;
    // Trimming copies the lines, so they may take up to twice the room.
    if (this.#size > 2 * this.#maxCharacters) this.#trim();
  }

  text(): string {
    this.#trim();
    return this.#lines.join('');
  }

  #trim(): void {
    let from = this.#lines.length;
    let size = 0;
    while (from > 0 && size + (this.#lines[from - 1]?.length ?? 0) <= this.#maxCharacters) {
      from -= 1;
      size += this.#lines[from]?.length ?? 0;
    }
    this.#lines = this.#lines.slice(from);
    this.#size = size;
  }
}
