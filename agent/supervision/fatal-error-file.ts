import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of the state directory. `mayfly-retire.sh` writes its content to the instance's record. */
const FILE = 'last-words';
const MAX_CHARACTERS = 1000;

/**
 * Writes the error with which an agent ends, in one line, to disk. If nobody reads the file or it cannot be written, writes
 * the line to the instance's record. The file is better: after an unexpected error the agent may behave wrongly while it
 * waits for the table.
 */
export class FatalErrorFile {
  readonly #directory: string | undefined;
  readonly #isRead: boolean;
  #writeToRecord: (text: string) => Promise<unknown> = async () => undefined;
  #written: Promise<void> | undefined;

  /**
   * @param directory the state directory; undefined: nothing is written to disk
   * @param isRead whether `mayfly-retire.sh` runs, which writes the file's content to the record
   */
  constructor(directory: string | undefined, isRead: boolean) {
    this.#directory = directory;
    this.#isRead = isRead;
  }

  /** Removes the file of an earlier run. Throws if that fails: its error would be taken for this run's. */
  remove(): void {
    if (this.#directory !== undefined) rmSync(join(this.#directory, FILE), { force: true });
  }

  /** @param writeToRecord writes the error to the instance's record; needs a time-out of its own */
  useRecord(writeToRecord: (text: string) => Promise<unknown>): void {
    this.#writeToRecord = writeToRecord;
  }

  /** Writes the first error that it is called with. Resolves when that is done or has failed. Never rejects. */
  write(error: unknown): Promise<void> {
    this.#written ??= this.#write(formatFatalError(error));
    return this.#written;
  }

  async #write(text: string): Promise<void> {
    const isOnDisk = this.#writeFile(text);
    if (!isOnDisk || !this.#isRead) await this.#writeToRecord(text).catch(() => undefined);
  }

  #writeFile(text: string): boolean {
    if (this.#directory === undefined) return false;
    const path = join(this.#directory, FILE);
    try {
      mkdirSync(this.#directory, { recursive: true });
      writeFileSync(`${path}.new`, `${text}\n`);
      renameSync(`${path}.new`, path);
      return true;
    } catch {
      // A full disk may be the error itself.
      return false;
    }
  }
}

/** Formats an error in one line: its message, after its name unless that is `Error`. */
function formatFatalError(error: unknown): string {
  const text = error instanceof Error ? `${formatName(error)}${error.message}` : String(error);
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.slice(0, MAX_CHARACTERS).toWellFormed();
}

function formatName({ name }: Error): string {
  return name === 'Error' || name === 'ConfigError' ? '' : `${name}: `;
}
