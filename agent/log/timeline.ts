export type Stream = 'stdout' | 'stderr';

/** The numbers of the streams in an index and in a record. */
export const STREAM_NUMBERS = { stdout: 1, stderr: 2 } as const satisfies Record<Stream, number>;

/** Bytes of one stream that came at one time. */
export interface TimelineEntry {
  /** Epoch milliseconds. */
  ms: number;
  stream: Stream;
  bytes: number;
  /** The bytes could not be kept. */
  lost: boolean;
}

/** Bytes that come within this time belong to one entry, so that fast output makes no long index. */
const ENTRY_MS = 10;

/** When the parts of both streams came, in order, until they are in an index. */
export class Timeline {
  #entries: TimelineEntry[] = [];
  /** Bytes that are in an index. */
  readonly #indexed: Record<Stream, number> = { stdout: 0, stderr: 0 };

  get length(): number {
    return this.#entries.length;
  }

  get entries(): readonly TimelineEntry[] {
    return this.#entries;
  }

  add(ms: number, stream: Stream, bytes: number): void {
    const last = this.#entries.at(-1);
    if (last && !last.lost && last.stream === stream && ms - last.ms < ENTRY_MS) last.bytes += bytes;
    else this.#entries.push({ ms, stream, bytes, lost: false });
  }

  /** Losses in a row are one entry of each stream. */
  addLost(ms: number, stream: Stream, bytes: number): void {
    const known = this.#entries.slice(-2).findLast((entry) => entry.stream === stream);
    const between = this.#entries.at(-1);
    if (known?.lost && between?.lost) known.bytes += bytes;
    else this.#entries.push({ ms, stream, bytes, lost: true });
  }

  clear(): void {
    this.#entries = [];
  }

  /**
   * Removes the entries whose bytes are written, and returns them as lines of an index.
   *
   * @param written how many bytes of each stream are written, from its start
   * @param last whether bytes that are not written now never will be: they count as lost, and no entry is left
   */
  takeIndex(written: Record<Stream, number>, last = false): string {
    const lines: string[] = [];
    let index = 0;
    for (; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (!entry) break;
      const { ms, stream, bytes, lost } = entry;
      const ready = lost ? 0 : Math.min(bytes, written[stream] - this.#indexed[stream]);
      if (ready > 0) lines.push(`${ms} ${STREAM_NUMBERS[stream]} ${ready}\n`);
      this.#indexed[stream] += ready;
      entry.bytes -= ready;
      if (entry.bytes === 0) continue;
      if (!lost && !last) break;
      lines.push(`${ms} ${STREAM_NUMBERS[stream]} -${entry.bytes}\n`);
    }
    this.#entries = this.#entries.slice(index);
    return lines.join('');
  }
}
