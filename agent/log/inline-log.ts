import { isUtf8 } from 'node:buffer';
import type { StreamLog, TryLog } from '../../jobs/record.ts';
import { STREAM_NUMBERS, type Stream, type TimelineEntry } from './timeline.ts';

/** The most entries of a log in a record: more entries would need more space than the log itself. */
export const MAX_INLINE_ENTRIES = 256;

/** Creates the log of a record: both streams, and when each part of them came. */
export function createInlineLog(all: Buffer, moments: readonly TimelineEntry[], startedMs: number): TryLog {
  const parts: Record<Stream, Buffer[]> = { stdout: [], stderr: [] };
  const times: NonNullable<TryLog['times']> = [];
  let at = 0;
  for (const { ms, stream, bytes } of moments) {
    parts[stream].push(all.subarray(at, at + bytes));
    times.push([Math.max(0, ms - startedMs), STREAM_NUMBERS[stream], bytes]);
    at += bytes;
  }
  const log: TryLog = { stdout: streamLog(parts.stdout), stderr: streamLog(parts.stderr) };
  return times.length > 0 ? { ...log, times } : log;
}

function streamLog(parts: Buffer[]): StreamLog {
  const all = Buffer.concat(parts);
  if (all.length === 0) return { bytes: 0 };
  return {
    bytes: all.length,
    ...(isUtf8(all) ? { text: all.toString() } : { base64: all.toString('base64') }),
  };
}
