import type { LogPart } from '../../store/bucket-keys.ts';
import { ChunkedBytes } from './chunked-bytes.ts';
import { type IndexLine, readIndex } from './index-lines.ts';
import { NumberedObjects } from './numbered-objects.ts';
import { LOG_STREAMS, type LogPiece, type LogPosition, type LogStream } from './pieces.ts';

/** Reads the log of one try in the log bucket (`store/bucket-keys.ts`). Reads each byte once, and keeps few in memory. */
export class BucketLog {
  readonly #wanted: ReadonlySet<LogStream>;
  readonly #index: NumberedObjects;
  readonly #bytes: Record<LogStream, ChunkedBytes>;
  /** Number of bytes at the beginning of each stream that were read from the record. */
  readonly #known: Record<LogStream, number>;

  /**
   * @param fetch fetches an object of the log; undefined if it does not exist
   * @param wanted streams to read; chunks of others are not fetched
   * @param from what was read from the record and is skipped here
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

  /** Yields what the index lists by now and was not read yet. */
  async *indexed(): AsyncGenerator<LogPiece> {
    for (;;) {
      const index = await this.#index.next();
      if (index === undefined) return;
      for (const line of readIndex(Buffer.from(index).toString('latin1'))) {
        if (this.#wanted.has(line.stream)) yield* this.#read(line);
      }
    }
  }

  /**
   * Yields what no index lists. An agent that fails between the two writes leaves such chunks. For a try that has ended.
   *
   * @param chunks number of chunks of each stream, if it is known
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
