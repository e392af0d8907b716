import type { LogPart } from '../../store/log-layout.ts';
import { ChunkedBytes } from './chunks.ts';
import { type IndexLine, readIndex } from './index-lines.ts';
import { NumberedObjects } from './objects.ts';
import { LOG_STREAMS, type LogPiece, type LogPosition, type LogStream } from './pieces.ts';

/** The log of one try as it lies in the bucket (`store/log-layout.ts`). Reads each byte once, and holds few. */
export class BucketLog {
  readonly #wanted: ReadonlySet<LogStream>;
  readonly #index: NumberedObjects;
  readonly #bytes: Record<LogStream, ChunkedBytes>;
  /** Bytes from the beginning of each stream that were read elsewhere. */
  readonly #known: Record<LogStream, number>;

  /**
   * @param fetch an object of this try's log; undefined if it is not there
   * @param wanted streams that are read; chunks of others are not fetched
   * @param from what was read elsewhere, and is left out here
   */
  constructor(
    fetch: (part: LogPart, number: number) => Promise<Uint8Array | undefined>,
    wanted: ReadonlySet<LogStream>,
    from: LogPosition,
  ) {
    this.#wanted = wanted;
    this.#index = new NumberedObjects((number) => fetch('index', number));
    const bytesOf = (stream: LogStream) => new ChunkedBytes((number) => fetch(stream, number));
    this.#bytes = { stdout: bytesOf('stdout'), stderr: bytesOf('stderr') };
    this.#known = { stdout: from.of('stdout'), stderr: from.of('stderr') };
  }

  /** What the index tells of by now and has not been read yet. */
  async *told(): AsyncGenerator<LogPiece> {
    for (;;) {
      const index = await this.#index.next();
      if (index === undefined) return;
      for (const line of readIndex(Buffer.from(index).toString('latin1'))) {
        if (this.#wanted.has(line.stream)) yield* this.#read(line);
      }
    }
  }

  /**
   * Of a try that is over: what no index tells of, because its agent died in between.
   *
   * @param chunks how many there are of each stream, if that is known
   */
  async *rest(chunks: Partial<Record<LogStream, number>> = {}): AsyncGenerator<LogPiece> {
    for (const stream of LOG_STREAMS.filter((one) => this.#wanted.has(one))) {
      for await (const bytes of this.#bytes[stream].rest(chunks[stream])) yield* this.#output(stream, bytes);
    }
  }

  async *#read({ stream, atMs, bytes, lost }: IndexLine): AsyncGenerator<LogPiece> {
    if (lost) yield { kind: 'hole', stream, atMs, bytes, why: 'lost' };
    else for await (const piece of this.#bytes[stream].take(bytes)) yield* this.#output(stream, piece, atMs);
  }

  *#output(stream: LogStream, bytes: Uint8Array, atMs?: number): Generator<LogPiece> {
    const fresh = bytes.subarray(this.#known[stream]);
    this.#known[stream] -= bytes.length - fresh.length;
    if (fresh.length > 0) yield { kind: 'output', stream, bytes: fresh, ...(atMs !== undefined && { atMs }) };
  }
}
