import { Command } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { isHalted } from '../../../client/requests/halted.ts';
import type { RequestView } from '../../../client/requests/types.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parseId } from '../../options/values.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { printJson, printSentence } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { formatTimestamp } from '../jobs/words.ts';

const STATUS = `
It can be repeated. Exit status: 0; 1 if it has ended or was cancelled; 120 if
there is no such request.
`;

/** `mayfly request pause`: nothing more of a request is released. */
export function requestPauseCommand(): Command {
  return addFleetOptions(
    new Command('pause')
      .summary('release nothing more of a request until it is resumed')
      .description(
        'Pauses a request: nothing more of it is released, and what was released and has not begun is held again. Running ' +
          'jobs go on. It is cancelled by itself after 14 days, unless somebody resumes it.',
      )
      .argument('<request>', 'the id of the request', parseId)
      .option('--json', 'print the request as JSON')
      .addHelpText('after', `${STATUS}\nExamples:\n  mayfly request pause deploy-7\n`),
  ).action(
    runOnFleet(async (fleet: Fleet, id: string, { json }: { json?: true }) =>
      report(await withProgress('pausing its groups', fleet.requests.pause(id)), json, pausedText),
    ),
  );
}

/** `mayfly request resume`: goes on with a stopped or paused request. */
export function requestResumeCommand(): Command {
  return addFleetOptions(
    new Command('resume')
      .summary('go on with a request that is stopped or paused')
      .description(
        'Goes on with a request that a failure stopped, that somebody paused, or that waits after a batch. Failures are ' +
          'counted anew. What failed is not repeated: see `mayfly request retry`.',
      )
      .argument('<request>', 'the id of the request', parseId)
      .option('--json', 'print the request as JSON')
      .addHelpText('after', `${STATUS}\nExamples:\n  mayfly request resume deploy-7\n`),
  ).action(
    runOnFleet(async (fleet: Fleet, id: string, { json }: { json?: true }) =>
      report(await withProgress('resuming its groups', fleet.requests.resume(id)), json, resumedText),
    ),
  );
}

/** `mayfly request cancel`: what is held of a request is skipped. */
export function requestCancelCommand(): Command {
  return addFleetOptions(
    new Command('cancel')
      .summary('give up what is held of a request')
      .description(
        'Cancels a request: its held jobs become skipped. Running jobs go on to their end, unless --now is given. Roll-backs ' +
          'and health checks that have begun go on in any case.',
      )
      .argument('<request>', 'the id of the request', parseId)
      .option('--now', 'cancel its running jobs as well')
      .option('--json', 'print the request as JSON')
      .addHelpText('after', CANCEL_NOTES),
  ).action(runOnFleet(cancel));
}

const CANCEL_NOTES = `
It can be repeated. Exit status: 0, also if it has ended before; 120 if there is
no such request.

Examples:
  mayfly request cancel deploy-7
  mayfly request cancel --now deploy-7
`;

async function cancel(fleet: Fleet, id: string, { now, json }: { now?: true; json?: true }): Promise<void> {
  const progress = createProgress();
  const request = await fleet.requests
    .cancel(id, {
      now: now ?? false,
      onProgress: (done, total) =>
        progress.show({ text: `${done} of ${countOf(total, 'job')} looked at`, done, total }),
    })
    .finally(() => progress.end());
  report(request, json, cancelledText);
}

async function withProgress(text: string, changing: Promise<RequestView>): Promise<RequestView> {
  const progress = createProgress();
  progress.show({ text });
  return changing.finally(() => progress.end());
}

function report(
  request: RequestView,
  json: true | undefined,
  sentence: (request: RequestView) => string,
): void {
  if (json) printJson(request);
  else printSentence(sentence(request));
}

function pausedText({ id, state, reason, running, held, cancelAt }: RequestView): string {
  if (state === 'stopped') {
    const why = reason === undefined ? '' : ` (${escapeLine(reason)})`;
    return `${escapeLine(id)} is stopped already${why}: ${runningText(running)}, ${held} held. It stays so until it is resumed.`;
  }
  const until = cancelAt === undefined ? '' : ` It is cancelled by itself at ${formatTimestamp(cancelAt)}.`;
  return (
    `${escapeLine(id)} is paused: ${runningText(running)}, ${held} held.${until} To resume: mayfly request resume ` +
    escapeLine(id)
  );
}

function runningText(running: number): string {
  if (running === 0) return '0 running';
  return `${running} running, which ${running === 1 ? 'goes' : 'go'} on`;
}

function resumedText(request: RequestView): string {
  const { id, running, held, groups } = request;
  const numbers = `${running} running, ${held} held.`;
  if (!isHalted(request)) return `${escapeLine(id)} goes on: ${numbers}`;
  // The request is open again: only its groups stop it now.
  const why = groups.find(({ waitsFor }) => waitsFor)?.waitsFor?.text ?? 'a target is not healthy';
  return `${escapeLine(id)} is resumed, but nothing of it runs before a person acts: ${escapeLine(why)}. ${numbers}`;
}

function cancelledText({ id, state, running, skipped }: RequestView): string {
  const name = escapeLine(id);
  if (state === 'ended') return `${name} had ended already.`;
  const left = running === 0 ? '' : ` ${countOf(running, 'job')} still ${running === 1 ? 'runs' : 'run'}.`;
  return `${name} is cancelled: ${countOf(skipped, 'job')} skipped.${left}`;
}
