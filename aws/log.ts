import { type Logger, pino } from 'pino';
import type { RecentLines } from './recent-lines.ts';

/** Structured logs: one JSON line per event, with a message for people and fields for programs. */
export type Log = Logger;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * The log of one process, on its standard output, where systemd's journal or Lambda reads it. Times are ISO 8601, levels
 * are words, and an error is in the field `err`.
 *
 * Lines are written synchronously, so that the last lines before a crash are not lost.
 *
 * @param fields in every line, such as the names of the fleet and the instance
 * @param recent gets every line too
 */
export function createLog(
  level: LogLevel,
  fields: Record<string, string> = {},
  recent?: Pick<RecentLines, 'write'>,
): Log {
  const output = pino.destination({ dest: 1, sync: true });
  // The process goes on if the reader of its output has ended.
  output.on('error', () => undefined);
  const write = (line: string): void => {
    recent?.write(line);
    output.write(line);
  };
  return pino(
    {
      level,
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    { write },
  );
}

interface DescribedError {
  name: string;
  message: string;
  status?: number;
  requestId?: string;
  stack?: string;
}

/** Errors with a general name need their stack. */
const DEFECTS = new Set(['Error', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

/**
 * An error as the log shows it. Of an error of AWS: name, message, status and request id. Its object also contains the
 * headers of the request, and with them credentials.
 */
function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { name: 'thrown', message: String(error) };
  const described: DescribedError = { name: error.name, message: error.message };
  if ('$metadata' in error) {
    const { httpStatusCode, requestId } = error.$metadata as { httpStatusCode?: number; requestId?: string };
    if (httpStatusCode !== undefined) described.status = httpStatusCode;
    if (requestId !== undefined) described.requestId = requestId;
  } else if (DEFECTS.has(error.name) && !('code' in error) && error.stack) {
    described.stack = error.stack;
  }
  return described;
}
