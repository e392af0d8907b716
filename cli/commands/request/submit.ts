import { FleetError } from '../../../client/errors.ts';
import type { Requested } from '../../../client/requests/types.ts';
import { CliError } from '../../error.ts';
import { countOf } from '../../terminal/format.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { createProgress } from '../../terminal/progress.ts';

/** What a call that makes a request gets. */
interface Submitting {
  id: string;
  signal: AbortSignal;
  onProgress: (written: number, count: number) => void;
}

/**
 * Makes a request and shows how many of its jobs are written. The message of an error or of Ctrl-C says how to go on, if some are.
 *
 * @param id default: a random one
 */
export async function submitWithProgress(
  id: string | undefined,
  submit: (submitting: Submitting) => Promise<Requested>,
): Promise<Requested> {
  const { createRequestId } = await import('../../../client/enqueue/ids.ts');
  const own = id ?? createRequestId();
  const rest = `The same command with \`--id ${own}\` goes on with it.`;
  const progress = createProgress();
  let hasWritten = false;
  const onProgress = (done: number, total: number) => {
    hasWritten = true;
    progress.show({ text: `${done} of ${countOf(total, 'job')} written`, done, total });
  };
  try {
    return await runInterruptibly(
      (signal) => submit({ id: own, signal, onProgress }),
      `Request ${own} is not written completely, and nothing of it runs. ${rest}`,
    );
  } catch (error) {
    if (!(error instanceof FleetError) || !hasWritten) throw error;
    throw new CliError(`${error.message} Request ${own} may not be written completely. ${rest}`);
  } finally {
    progress.end();
  }
}
