import type { Try } from '../../jobs/record.ts';
import type { LogPart } from '../../store/bucket-keys.ts';
import { BucketLog } from './bucket-log.ts';
import { inlinePieces, isInBucket } from './inline.ts';
import { type Hole, LOG_STREAMS, type LogPiece, LogPosition, type LogStream } from './pieces.ts';

/** Reads the output of one try, each byte once, also while the log grows and moves from the record to the bucket. */
export class TryReader {
  readonly #fetch: (part: LogPart, number: number) => Promise<Uint8Array | undefined>;
  readonly #wanted: ReadonlySet<LogStream>;
  readonly #position = new LogPosition();
  #bucket: BucketLog | undefined;

  /**
   * @param fetch fetches an object of the try's log; undefined if it does not exist
   * @param wanted streams to read
   */
  constructor(
    fetch: (part: LogPart, number: number) => Promise<Uint8Array | undefined>,
    wanted: readonly LogStream[] = LOG_STREAMS,
  ) {
    this.#fetch = fetch;
    this.#wanted = new Set(wanted);
  }

  /**
   * Yields what was not read before.
   *
   * @param tried the try in the current record
   * @param over no more output will come: the try has ended, or its agent has failed
   * @throws `MissingChunkError` if a chunk was deleted from the bucket
   */
  async *read(tried: Try, over: boolean): AsyncGenerator<LogPiece> {
    for await (const piece of this.#all(tried, over)) {
      this.#position.pass(piece);
      yield piece;
    }
    if (over && tried.endedAt !== undefined) yield* this.#missing(tried);
  }

  async *#all(tried: Try, over: boolean): AsyncGenerator<LogPiece> {
    yield* inlinePieces(tried, this.#position).filter(({ stream }) => this.#wanted.has(stream));
    // An agent that failed may have written to the bucket without recording it.
    const vanished = over && tried.endedAt === undefined;
    if (isInBucket(tried.log) || vanished) {
      this.#bucket ??= new BucketLog(this.#fetch, this.#wanted, this.#position);
    }
    if (!this.#bucket) return;
    yield* this.#bucket.indexed();
    if (!over) return;
    const chunks = (stream: LogStream) => tried.log?.[stream].chunks ?? 0;
    yield* this.#bucket.rest(vanished ? {} : { stdout: chunks('stdout'), stderr: chunks('stderr') });
  }

  /** Output that the record counts and that is not stored. */
  *#missing({ log }: Try): Generator<Hole> {
    for (const stream of LOG_STREAMS) {
      const { bytes = 0, lost = 0 } = log?.[stream] ?? {};
      const missing = bytes - this.#position.of(stream);
      if (!this.#wanted.has(stream) || missing <= 0) continue;
      const why = lost === 0 ? 'dropped' : log?.maxBytes === undefined ? 'lost' : 'beyondMaxLog';
      yield { kind: 'hole', stream, bytes: missing, why };
    }
  }
}
