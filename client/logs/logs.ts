import { type FleetContext, requireRecords } from '../context.ts';
import { createLogSource } from './log-source.ts';
import { type LogEvent, type LogOptions, readLog } from './reading.ts';

export { LogGoneError, NoSuchTryError } from './errors.ts';
export type { Hole, LogPiece, LogStream, Output } from './pieces.ts';
export type { LogEvent, LogOptions } from './reading.ts';

/**
 * Reads the output of a job: that of its last try by now, or with `follow` until the job has ended. It keeps only some
 * chunks in memory, and fetches only what is consumed.
 *
 * The generator throws `UnknownJobError`, `NoSuchTryError`, `LogGoneError` and the errors of `explainError`. With
 * `follow`, a minute without an answer of AWS does not end it.
 */
export async function* readJobLog(
  context: FleetContext,
  id: string,
  options: LogOptions = {},
): AsyncGenerator<LogEvent> {
  requireRecords(context.facts, 'read');
  const source = createLogSource(context, id, options.follow === true, options.signal);
  yield* readLog(source, options, context.clock);
}
