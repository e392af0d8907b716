import { FleetError } from '../../../client/errors.ts';
import type { Requested } from '../../../client/requests/types.ts';
import { CliError } from '../../error.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { createProgress } from '../../terminal/progress.ts';
import { say } from '../../terminal/say.ts';

/** What a call that makes a request gets. */
interface Submitting {
  id: string;
  signal: AbortSignal;
  onProgress: (written: number, count: number) => void;
}

function resumedText({ id }: Requested, hasWritten: boolean): string {
  const name = escapeLine(id);
  return hasWritten
    ? `request ${name} was not written completely. This command has written the rest.`
    : `request ${name} was there, of the same targets: this command makes no second one.`;
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
    const requested = await runInterruptibly(
      (signal) => submit({ id: own, signal, onProgress }),
      `Request ${own} is not written completely, and nothing of it runs. ${rest}`,
    );
    progress.end();
    if (requested.resumed) say(resumedText(requested, hasWritten));
    return requested;
  } catch (error) {
    if (!(error instanceof FleetError) || !hasWritten) throw error;
    throw new CliError(`${error.message} Request ${own} may not be written completely. ${rest}`);
  } finally {
    progress.end();
  }
}
