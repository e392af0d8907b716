import type { Try } from '../../jobs/record.ts';
import type { LogPiece, LogPosition, LogStream } from './pieces.ts';

/** What stands of a try's output in its record, in the order in which it came, from a position on. */
export function inlinePieces(
  { startedAt, log }: Pick<Try, 'startedAt' | 'log'>,
  from: LogPosition,
): LogPiece[] {
  if (!log) return [];
  const content = { stdout: contentOf(log.stdout), stderr: contentOf(log.stderr) };
  const read = { stdout: 0, stderr: 0 };
  const pieces: LogPiece[] = [];
  const take = (stream: LogStream, bytes: number, atMs?: number) => {
    const start = Math.max(read[stream], from.of(stream));
    read[stream] += bytes;
    const part = content[stream].subarray(start, read[stream]);
    if (part.length > 0)
      pieces.push({ kind: 'output', stream, bytes: part, ...(atMs !== undefined && { atMs }) });
  };
  const startedMs = Date.parse(startedAt);
  for (const [ms, stream, bytes] of log.times ?? [])
    take(stream === 1 ? 'stdout' : 'stderr', bytes, startedMs + ms);
  take('stdout', content.stdout.length - read.stdout);
  take('stderr', content.stderr.length - read.stderr);
  return pieces;
}

/** The whole of a stream that stands in the record. */
export function contentOf({ text, base64 }: { text?: string; base64?: string }): Buffer {
  return base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64');
}

/** Whether any of the log is in the bucket: then all of it is. */
export function isInBucket(log: Try['log']): boolean {
  return log?.stdout.chunks !== undefined || log?.stderr.chunks !== undefined;
}
