export type LogStream = 'stdout' | 'stderr';

/** Some of what a worker printed, in the order in which it came; or that some is missing there. */
export type LogPiece = Output | Hole;

export interface Output {
  kind: 'output';
  stream: LogStream;
  /** When it came, epoch milliseconds; absent where nobody knows it any more. */
  atMs?: number;
  bytes: Uint8Array;
}

/** Bytes of the stream that are missing here. */
export interface Hole {
  kind: 'hole';
  stream: LogStream;
  atMs?: number;
  bytes: number;
  /**
   * `lost`: they could not be written. `dropped`: the record had no room for them when later tries came. `beyondMaxLog`:
   * they, and all that came after, are beyond the fleet's `maxLog`.
   */
  why: 'lost' | 'dropped' | 'beyondMaxLog';
}

export const LOG_STREAMS: readonly LogStream[] = ['stdout', 'stderr'];

/** What has been read of a log, so that nothing is read twice: a log moves from the record to the bucket as it grows. */
export class LogPosition {
  readonly #at: Record<LogStream, number> = { stdout: 0, stderr: 0 };

  of(stream: LogStream): number {
    return this.#at[stream];
  }

  pass(piece: LogPiece): void {
    this.#at[piece.stream] += piece.kind === 'output' ? piece.bytes.length : piece.bytes;
  }
}
