import type { Stream, Timeline } from './timeline.ts';

export interface IndexWriterOptions {
  timeline: Timeline;
  /** Bytes of each stream that are written by now. */
  written: () => Record<Stream, number>;
  /** Writes an index; rejects when it cannot be written any more. */
  put: (number: number, text: string, signal: AbortSignal) => Promise<void>;
}

/** Tells in indices what the timeline has of bytes that are written. */
export class IndexWriter {
  readonly #options: IndexWriterOptions;
  /** Indices that are written, and texts that are still to be. */
  #indices = 0;
  readonly #untold: string[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(options: IndexWriterOptions) {
    this.#options = options;
  }

  /** Whether something was not told yet. */
  get behind(): boolean {
    return this.#options.timeline.length + this.#untold.length > 0;
  }

  /**
   * Tells of what is written, one index at a time. Never rejects.
   *
   * @param last whether the rest never will be
   */
  write(signal: AbortSignal, last = false): Promise<void> {
    this.#turn = this.#turn.then(() => {
      const text = this.#options.timeline.take(this.#options.written(), last);
      if (text !== '') this.#untold.push(text);
      return this.#tell(signal);
    });
    return this.#turn;
  }

  /** A text whose writing was given up may be there all the same: it stays the one of its number. */
  async #tell(signal: AbortSignal): Promise<void> {
    for (let text = this.#untold[0]; text !== undefined; text = this.#untold[0]) {
      try {
        await this.#options.put(this.#indices + 1, text, signal);
      } catch {
        return;
      }
      this.#indices += 1;
      this.#untold.shift();
    }
  }
}
