export type Stream = 'stdout' | 'stderr';

/** Streams as they are numbered in an index and in a record. */
export const NUMBERS = { stdout: 1, stderr: 2 } as const satisfies Record<Stream, number>;

/** Bytes of one stream that came together. */
export interface Moment {
  /** Epoch milliseconds. */
  ms: number;
  stream: Stream;
  bytes: number;
  /** They could not be kept. */
  lost: boolean;
}

/** What comes within this after the start of a moment belongs to it: a worker that prints fast makes no long index. */
const MOMENT_MS = 10;

/** What came when, in the order in which it came, until an index tells it. */
export class Timeline {
  #moments: Moment[] = [];
  /** Bytes that were told. */
  readonly #told: Record<Stream, number> = { stdout: 0, stderr: 0 };

  get length(): number {
    return this.#moments.length;
  }

  get moments(): readonly Moment[] {
    return this.#moments;
  }

  add(ms: number, stream: Stream, bytes: number): void {
    const last = this.#moments.at(-1);
    if (last && !last.lost && last.stream === stream && ms - last.ms < MOMENT_MS) last.bytes += bytes;
    else this.#moments.push({ ms, stream, bytes, lost: false });
  }

  /** However long the loss goes on, it is one moment of each stream. */
  addLost(ms: number, stream: Stream, bytes: number): void {
    const known = this.#moments.slice(-2).findLast((moment) => moment.stream === stream);
    const between = this.#moments.at(-1);
    if (known?.lost && between?.lost) known.bytes += bytes;
    else this.#moments.push({ ms, stream, bytes, lost: true });
  }

  clear(): void {
    this.#moments = [];
  }

  /**
   * Takes the lines of an index out of it, as far as they tell of bytes that are written: each stream's first so many.
   *
   * @param last whether what is not written now never will be: then it is told as lost, and nothing is left
   */
  take(written: Record<Stream, number>, last = false): string {
    const lines: string[] = [];
    let index = 0;
    for (; index < this.#moments.length; index += 1) {
      const moment = this.#moments[index];
      if (!moment) break;
      const { ms, stream, bytes, lost } = moment;
      const ready = lost ? 0 : Math.min(bytes, written[stream] - this.#told[stream]);
      if (ready > 0) lines.push(`${ms} ${NUMBERS[stream]} ${ready}\n`);
      this.#told[stream] += ready;
      moment.bytes -= ready;
      if (moment.bytes === 0) continue;
      if (!lost && !last) break;
      lines.push(`${ms} ${NUMBERS[stream]} -${moment.bytes}\n`);
    }
    this.#moments = this.#moments.slice(index);
    return lines.join('');
  }
}
