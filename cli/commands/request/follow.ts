import type { Fleet } from '../../../client/fleet.ts';
import type { RequestView } from '../../../client/requests/types.ts';
import { ExitCode } from '../../exit-code.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { createLive } from '../../terminal/live.ts';
import { paintFor } from '../../terminal/paint.ts';
import { say } from '../../terminal/say.ts';
import { progressLines } from './progress.ts';
import { showRequest } from './show.ts';

export interface FollowOptions {
  pollSeconds: number;
  timeoutSeconds?: number | undefined;
  /** The format of the progress on stderr. Default `text`. */
  progress?: 'text' | 'json';
  json: true | undefined;
}

/**
 * Shows the progress of a request until it has ended or waits for a person, then the request, and sets the exit status by it. Ctrl-C
 * ends only the waiting.
 */
export async function followRequest(
  fleet: Fleet,
  id: string,
  { pollSeconds, timeoutSeconds, progress = 'text', json }: FollowOptions,
): Promise<void> {
  const { clock } = fleet.context;
  const startMs = clock.monotonic();
  const live = createLive();
  const paint = paintFor(process.stderr);
  const wait = (signal: AbortSignal) =>
    fleet.requests.wait(id, {
      pollSeconds,
      signal,
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
      onProgress: (request) => {
        if (progress === 'json') printProgress(request, (clock.monotonic() - startMs) / 1000);
        else live.show(progressLines(request, paint, process.stderr));
      },
    });
  const request = await runInterruptibly(wait, () => {
    live.end();
    return (
      `Request ${id} goes on: only the waiting was stopped. \`mayfly request show ${id}\` shows it, \`mayfly request wait ` +
      `${id}\` waits again, \`mayfly request pause ${id}\` and \`mayfly request cancel ${id}\` stop it.`
    );
  }).finally(() => live.end());
  await showRequest(fleet, request, json);
  process.exitCode = requestExitStatus(request);
  if (process.exitCode === ExitCode.notEnded) say(`request ${id} has not ended.`);
}

function printProgress(request: RequestView, waitedSeconds: number): void {
  const { state, count: total, succeeded, failed, cancelled, running, held } = request;
  const seconds = Math.round(waitedSeconds * 1000) / 1000;
  const line = { waitedSeconds: seconds, state, total, succeeded, failed, cancelled, running, held };
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

/** 0 if all jobs succeeded, 1 if some failed, 122 if some were cancelled or skipped, 123 if it has not ended. */
function requestExitStatus({ endedAt, failed, cancelled, skipped }: RequestView): number {
  if (endedAt === undefined) return ExitCode.notEnded;
  if (failed > 0) return ExitCode.failed;
  return cancelled + skipped > 0 ? ExitCode.cancelled : ExitCode.done;
}
