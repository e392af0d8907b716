/** An output stream of a worker. */
export type LogStream = 'stdout' | 'stderr';

/** A piece of a worker's output, or a gap in it. Pieces come in the order in which they were written. */
export type LogPiece = Output | Hole;

/** Bytes that a worker wrote. */
export interface Output {
  kind: 'output';
  stream: LogStream;
  /** When they were written, in epoch milliseconds. Absent: not known. */
  atMs?: number;
  bytes: Uint8Array;
}

/** Bytes of a stream that are missing at this place. */
export interface Hole {
  kind: 'hole';
  stream: LogStream;
  /** When they were lost, in epoch milliseconds. Absent: not known. */
  atMs?: number;
  /** How many bytes are missing. */
  bytes: number;
  /**
   * `lost`: they could not be stored. `dropped`: the record had no room for them when later tries were added.
   * `beyondMaxLog`: they exceed the fleet's `maxLog`, and so does all that follows.
   */
  why: 'lost' | 'dropped' | 'beyondMaxLog';
}

export const LOG_STREAMS: readonly LogStream[] = ['stdout', 'stderr'];

/** How far a log was read. A log moves from the record to the bucket as it grows, and no byte may be read twice. */
export class LogPosition {
  readonly #at: Record<LogStream, number> = { stdout: 0, stderr: 0 };

  of(stream: LogStream): number {
    return this.#at[stream];
  }

  pass(piece: LogPiece): void {
    this.#at[piece.stream] += piece.kind === 'output' ? piece.bytes.length : piece.bytes;
  }
}
