import { ExitCode } from '../exit-code.ts';
import { Failure } from '../failure.ts';

/**
 * Runs what a person may stop: the first Ctrl-C aborts the signal that `run` is given, a second one has its default
 * effect.
 *
 * @param farewell what is said then: what goes on all the same, and how to look at it
 * @throws Failure with `farewell` and status 130 when it was stopped
 */
export async function untilInterrupted<T>(
  run: (signal: AbortSignal) => Promise<T>,
  farewell: string | (() => string),
): Promise<T> {
  const interrupted = new AbortController();
  const stop = () => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  try {
    return await run(interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    throw new Failure(typeof farewell === 'string' ? farewell : farewell(), ExitCode.interrupted);
  } finally {
    process.off('SIGINT', stop);
  }
}
