import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the state directory. `mayfly-retire.sh` puts what is in it into the instance's record. */
const FILE = 'last-words';
/** Characters. */
const LONGEST = 1000;

/**
 * What an agent says that gives up with an error, in one line: on disk; and in its instance's record, if it knows which that
 * is, where nobody reads the file or it cannot be written. An agent that met an error which it does not know may do anything
 * while the table is asked, so that the file alone is better.
 */
export class LastWords {
  readonly #directory: string | undefined;
  readonly #isRead: boolean;
  #note: (words: string) => Promise<unknown> = async () => undefined;
  #left: Promise<void> | undefined;

  /**
   * @param directory the state directory; undefined: nothing is left on disk
   * @param isRead whether somebody puts what is on disk into the record
   */
  constructor(directory: string | undefined, isRead: boolean) {
    this.#directory = directory;
    this.#isRead = isRead;
  }

  /** Removes those of an earlier run of the agent. Throws if that cannot be done: they would be taken for this one's. */
  forget(): void {
    if (this.#directory !== undefined) rmSync(join(this.#directory, FILE), { force: true });
  }

  /** @param note writes them to the instance's record; has to end by itself */
  noteBy(note: (words: string) => Promise<unknown>): void {
    this.#note = note;
  }

  /** Leaves the first error that it is called with. Resolves when that is done, as far as it can be; never rejects. */
  leave(error: unknown): Promise<void> {
    this.#left ??= this.#leave(wordsOf(error));
    return this.#left;
  }

  async #leave(words: string): Promise<void> {
    const isWritten = this.#write(words);
    if (!isWritten || !this.#isRead) await this.#note(words).catch(() => undefined);
  }

  #write(words: string): boolean {
    if (this.#directory === undefined) return false;
    const path = join(this.#directory, FILE);
    try {
      mkdirSync(this.#directory, { recursive: true });
      writeFileSync(`${path}.new`, `${words}\n`);
      renameSync(`${path}.new`, path);
      return true;
    } catch {
      // A full disk may be why it gives up.
      return false;
    }
  }
}

/** One line: the error's message, and its name where that says more than `Error`. */
export function wordsOf(error: unknown): string {
  const words = error instanceof Error ? `${nameOf(error)}${error.message}` : String(error);
  const line = words.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.slice(0, LONGEST).toWellFormed();
}

function nameOf({ name }: Error): string {
  return name === 'Error' || name === 'ConfigError' ? '' : `${name}: `;
}
