import type { JobRecord, StreamLog, Try } from '../../jobs/record.ts';
import type { FleetContext } from './context.ts';
import { contentOf } from './log-inline.ts';
import { LOG_STREAMS, type LogStream } from './log-pieces.ts';
import { logSource } from './log-store.ts';

/** The end of what one stream printed. */
export interface StreamTail {
  bytes: Uint8Array;
  /** There was more before, or some of it is missing. */
  truncated: boolean;
}

/**
 * The end of the output of a job's last try, as far as it is kept by now: from the record, or by as few calls of S3 as
 * there are chunks in it.
 *
 * @param most bytes a stream
 */
export async function lastOutput(
  context: FleetContext,
  record: JobRecord,
  most: number,
): Promise<Record<LogStream, StreamTail>> {
  const last = record.tries?.at(-1);
  const tails = LOG_STREAMS.map((stream) => tailOf(context, record.id, last, stream, most));
  const [stdout = NOTHING, stderr = NOTHING] = await Promise.all(tails);
  return { stdout, stderr };
}

const NOTHING: StreamTail = { bytes: new Uint8Array(), truncated: false };

async function tailOf(
  context: FleetContext,
  job: string,
  last: Try | undefined,
  stream: LogStream,
  most: number,
): Promise<StreamTail> {
  const log = last?.log?.[stream];
  if (!last || !log) return NOTHING;
  const { object } = logSource(context, job, false);
  const kept =
    log.chunks === undefined
      ? contentOf(log)
      : await lastChunks((number) => object(last.key, stream, number), log.chunks, most);
  const bytes = kept.subarray(Math.max(0, kept.length - most));
  return { bytes, truncated: bytes.length < whole(log) };
}

function whole({ bytes, lost = 0 }: StreamLog): number {
  return bytes - lost;
}

async function lastChunks(
  fetch: (number: number) => Promise<Uint8Array | undefined>,
  chunks: number,
  most: number,
): Promise<Uint8Array> {
  const found: Uint8Array[] = [];
  let bytes = 0;
  for (let number = chunks; number >= 1 && bytes < most; number -= 1) {
    const chunk = await fetch(number);
    // It has expired, or was removed: what came before it is gone as well.
    if (chunk === undefined) break;
    found.unshift(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(found);
}
