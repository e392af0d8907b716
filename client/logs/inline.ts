import type { Try } from '../../jobs/record.ts';
import type { LogPiece, LogPosition, LogStream } from './pieces.ts';

/** The output of a try that is in its record, from a position on, in the order in which it was written. */
export function inlinePieces(
  { startedAt, log }: Pick<Try, 'startedAt' | 'log'>,
  from: LogPosition,
): LogPiece[] {
  if (!log) return [];
  const content = { stdout: inlineContent(log.stdout), stderr: inlineContent(log.stderr) };
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

/** The whole content of a stream in the record. */
export function inlineContent({ text, base64 }: { text?: string; base64?: string }): Buffer {
  return base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64');
}

/** Whether the log is in the bucket. It is there either as a whole or not at all. */
export function isInBucket(log: Try['log']): boolean {
  return log?.stdout.chunks !== undefined || log?.stderr.chunks !== undefined;
}
