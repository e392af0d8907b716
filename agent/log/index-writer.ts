import type { Stream, Timeline } from './timeline.ts';

export interface IndexWriterOptions {
  timeline: Timeline;
  /** Returns how many bytes of each stream are written. */
  written: () => Record<Stream, number>;
  /** Writes an index. Rejects if it cannot be written. */
  put: (number: number, text: string, signal: AbortSignal) => Promise<void>;
}

/** Writes the entries of the timeline whose bytes are written to numbered indices. */
export class IndexWriter {
  readonly #options: IndexWriterOptions;
  /** The number of indices that are written, and the texts of the next ones. */
  #indices = 0;
  readonly #pending: string[] = [];
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(options: IndexWriterOptions) {
    this.#options = options;
  }

  /** Whether some entries are not in an index yet. */
  get isBehind(): boolean {
    return this.#options.timeline.length + this.#pending.length > 0;
  }

  /**
   * Writes an index of the bytes that are written. Indices are written one after the other. Never rejects.
   *
   * @param last whether bytes that are not written now never will be
   */
  write(signal: AbortSignal, last = false): Promise<void> {
    this.#lastWrite = this.#lastWrite.then(() => {
      const text = this.#options.timeline.takeIndex(this.#options.written(), last);
      if (text !== '') this.#pending.push(text);
      return this.#writePending(signal);
    });
    return this.#lastWrite;
  }

  /** A text whose write was aborted may have been written all the same, so it keeps its number. */
  async #writePending(signal: AbortSignal): Promise<void> {
    for (let text = this.#pending[0]; text !== undefined; text = this.#pending[0]) {
      try {
        await this.#options.put(this.#indices + 1, text, signal);
      } catch {
        return;
      }
      this.#indices += 1;
      this.#pending.shift();
    }
  }
}
