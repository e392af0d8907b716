import type { JobRecord, StreamLog, Try } from '../../jobs/record.ts';
import type { FleetContext } from '../context.ts';
import { contentOf } from './inline.ts';
import type { FetchObject } from './objects.ts';
import { LOG_STREAMS, type LogStream } from './pieces.ts';
import { logSource } from './store.ts';

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
  const tails = LOG_STREAMS.map((stream) => (last ? tailOf(context, record, last, stream, most) : NOTHING));
  const [stdout = NOTHING, stderr = NOTHING] = await Promise.all(tails);
  return { stdout, stderr };
}

const NOTHING: StreamTail = { bytes: new Uint8Array(), truncated: false };

async function tailOf(
  context: FleetContext,
  { id, state }: JobRecord,
  { key, endedAt, log }: Try,
  stream: LogStream,
  most: number,
): Promise<StreamTail> {
  const noted = log?.[stream] ?? { bytes: 0 };
  const { object } = logSource(context, id, false);
  const fetch = (number: number) => object(key, stream, number);
  const vanished = endedAt === undefined && state !== 'running';
  const end = vanished ? await endOfVanished(fetch, noted, most) : await endOf(fetch, noted, most);
  const bytes = end.subarray(Math.max(0, end.length - most));
  return { bytes, truncated: bytes.length < Math.max(end.length, whole(noted)) };
}

/** The end of a stream as its agent has noted it: as many bytes, or more. */
async function endOf(fetch: FetchObject, noted: StreamLog, most: number): Promise<Uint8Array> {
  return noted.chunks === undefined ? contentOf(noted) : lastChunks(fetch, noted.chunks, most);
}

/** The same where the agent may have written more than it came to note. */
async function endOfVanished(fetch: FetchObject, noted: StreamLog, most: number): Promise<Uint8Array> {
  const before = await endOf(fetch, noted, most);
  const written = await chunksAfter(fetch, noted.chunks ?? 0, most);
  if (noted.chunks !== undefined) return Buffer.concat([before, written]);
  // Chunks have all from the beginning on, but perhaps not the last that stands in the record.
  return written.length > before.length ? written : before;
}

/** The end of what lies beyond a chunk: all of it, or more than `most` bytes. */
async function chunksAfter(fetch: FetchObject, after: number, most: number): Promise<Uint8Array> {
  let end: Uint8Array = new Uint8Array();
  for (let number = after + 1; ; number += 1) {
    const chunk = await fetch(number);
    if (chunk === undefined) return end;
    // One byte more tells that there was more.
    end = Buffer.concat([end, chunk]).subarray(-most - 1);
  }
}

function whole({ bytes, lost = 0 }: StreamLog): number {
  return bytes - lost;
}

async function lastChunks(fetch: FetchObject, chunks: number, most: number): Promise<Uint8Array> {
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
