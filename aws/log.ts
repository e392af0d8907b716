import { type Logger, pino } from 'pino';
import type { RecentLines } from './recent-lines.ts';

/** Structured logs: one JSON line an event, a message for people and fields for machines. */
export type Log = Logger;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * The log of one process, on its standard output, where systemd's journal or Lambda picks it up. Times are ISO
 * 8601, levels are words, an error goes in the field `err`.
 *
 * Written synchronously: what an agent said last before it died is what its operator needs first.
 *
 * @param fields in every line, such as the fleet's and the instance's name
 * @param recent gets each line too
 */
export function createLog(
  level: LogLevel,
  fields: Record<string, string> = {},
  recent?: Pick<RecentLines, 'write'>,
): Log {
  const output = pino.destination({ dest: 1, sync: true });
  // A reader that has gone must not take its writer along.
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

/** Errors that have no name of their own say little without the place where they arose. */
const DEFECTS = new Set(['Error', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

/**
 * An error as the log shows it. AWS's errors by name, message, status and request id: their objects also carry the
 * request's headers, and those carry credentials.
 */
export function describeError(error: unknown): DescribedError {
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
