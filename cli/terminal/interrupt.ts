import { CliError } from '../error.ts';
import { ExitCode } from '../exit-code.ts';

/**
 * Runs a task that Ctrl-C can stop. The first Ctrl-C aborts the signal that `run` gets. A second one has its default effect.
 *
 * @param message says what still runs, and how to follow it
 * @throws CliError with `message` and status 130 if the task was stopped
 */
export async function runInterruptibly<T>(
  run: (signal: AbortSignal) => Promise<T>,
  message: string | (() => string),
): Promise<T> {
  const interrupted = new AbortController();
  const stop = () => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  try {
    return await run(interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    throw new CliError(typeof message === 'string' ? message : message(), ExitCode.interrupted);
  } finally {
    process.off('SIGINT', stop);
  }
}
