import type { JobRecord, StreamLog, Try } from '../../jobs/record.ts';
import type { FleetContext } from '../context.ts';
import { inlineContent } from './inline.ts';
import { createLogSource } from './log-source.ts';
import type { FetchObject } from './numbered-objects.ts';
import { LOG_STREAMS, type LogStream } from './pieces.ts';

/** The end of one stream's output. */
export interface StreamTail {
  bytes: Uint8Array;
  /** Earlier output was left out, or some is missing. */
  truncated: boolean;
}

/**
 * The end of the output of a job's last try, as far as it is stored by now: from the record, or with one call of S3 for
 * each chunk of it.
 *
 * @param most most bytes of each stream
 */
export async function readLastOutput(
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
  const recorded = log?.[stream] ?? { bytes: 0 };
  const { object } = createLogSource(context, id, false);
  const fetch = (number: number) => object(key, stream, number);
  const vanished = endedAt === undefined && state !== 'running';
  const end = vanished ? await writtenEnd(fetch, recorded, most) : await recordedEnd(fetch, recorded, most);
  const bytes = end.subarray(Math.max(0, end.length - most));
  return { bytes, truncated: bytes.length < Math.max(end.length, whole(recorded)) };
}

/** The end of a stream by what its agent has recorded. It may be longer than `most`. */
async function recordedEnd(fetch: FetchObject, recorded: StreamLog, most: number): Promise<Uint8Array> {
  return recorded.chunks === undefined ? inlineContent(recorded) : lastChunks(fetch, recorded.chunks, most);
}

/** The same if the agent failed: it may have written more than it recorded. */
async function writtenEnd(fetch: FetchObject, recorded: StreamLog, most: number): Promise<Uint8Array> {
  const before = await recordedEnd(fetch, recorded, most);
  const written = await chunksAfter(fetch, recorded.chunks ?? 0, most);
  if (recorded.chunks !== undefined) return Buffer.concat([before, written]);
  // The chunks contain all output from the beginning, except perhaps the last that is in the record.
  return written.length > before.length ? written : before;
}

/** The end of what follows a chunk: all of it, or more than `most` bytes. */
async function chunksAfter(fetch: FetchObject, after: number, most: number): Promise<Uint8Array> {
  let end: Uint8Array = new Uint8Array();
  for (let number = after + 1; ; number += 1) {
    const chunk = await fetch(number);
    if (chunk === undefined) return end;
    // One byte more than `most` shows that the output is truncated.
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
    // It has expired or was removed, and so have the chunks before it.
    if (chunk === undefined) break;
    found.unshift(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(found);
}
