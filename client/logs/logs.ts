import { type FleetContext, needRecords } from '../context.ts';
import { type LogEvent, type LogOptions, readLog } from './reading.ts';
import { logSource } from './store.ts';

export { LogGone, NoSuchTry } from './errors.ts';
export type { Hole, LogPiece, LogStream, Output } from './pieces.ts';
export type { LogEvent, LogOptions } from './reading.ts';

/**
 * The output of a job: what is there now of its last try, or with `follow` all that comes until the job has ended. No
 * more of it is in memory than some chunks, however long it is; nothing is fetched that nobody takes.
 *
 * Throws `UnknownJob`, `NoSuchTry`, `LogGone` and what `explain` makes of AWS's answers, all while it is read. A log
 * that is followed outlasts a minute without AWS.
 */
export async function* readJobLog(
  context: FleetContext,
  id: string,
  options: LogOptions = {},
): AsyncGenerator<LogEvent> {
  needRecords(context.facts, 'read');
  const source = logSource(context, id, options.follow === true, options.signal);
  yield* readLog(source, options, context.clock);
}
