import { Command } from 'commander';
import { ExitCode } from '../../exit-code.ts';
import type { Cancelled } from '../../../client/jobs/cancel.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { printSentence } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { givenIds } from './ids.ts';
import { untilInterrupted } from '../interrupt.ts';
import { whyOf } from './job-words.ts';
import { printJobs, sayUnknown } from './show-jobs.ts';
import { someIds } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

/** `mayfly cancel`: jobs that are not to run, or not to run on. */
export function cancelCommand(): Command {
  return withFleet(
    new Command('cancel')
      .summary('cancel jobs')
      .description(
        'Cancels jobs. One that waits never starts. The worker of one that runs is stopped within seconds: SIGTERM, and ' +
          "after the fleet's grace SIGKILL to all that it has started.",
      )
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', someIds)
      .option('--wait', 'until they have ended')
      .option('--json', 'print JSON: {"id", "outcome", "job"}; of several an array')
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
}

async function run(fleet: Fleet, words: string[], options: { wait?: true; json?: true }): Promise<void> {
  const { wait = false, json = false } = options;
  const { ids, single } = await givenIds(words);
  const progress = createProgress();
  if (wait) progress.show({ text: 'waiting for workers to be stopped' });
  const cancel = (signal: AbortSignal) => fleet.cancel(ids, { wait, signal });
  const farewell = 'The jobs are to be cancelled all the same: only the waiting was stopped.';
  const cancelled = await untilInterrupted(cancel, farewell).finally(() => progress.end());
  sayUnknown(
    fleet,
    cancelled.map(({ job }) => job),
  );
  if (json) printJobs(cancelled, single);
  else for (const one of cancelled) if (one.outcome !== 'unknown') printSentence(sentence(one));
  process.exitCode = statusOf(cancelled);
}

function sentence({ id, outcome, job }: Cancelled): string {
  const name = escapeLine(id);
  if (outcome === 'cancelled') {
    return job.tries.length === 0 ? `${name} is cancelled: it never starts.` : `${name} is cancelled.`;
  }
  if (outcome === 'requested') {
    return `${name} runs on ${escapeLine(job.instance ?? '?')}: its worker is stopped within seconds.`;
  }
  const why = whyOf(job);
  return `${name} had ended already: ${job.state}${why ? `, ${why}` : ''}.`;
}

/** Not to have run is what was asked for: a job that was cancelled before is as good as one that is now. */
function statusOf(cancelled: readonly Cancelled[]): number {
  if (cancelled.some(({ outcome }) => outcome === 'unknown')) return ExitCode.unknown;
  const late = cancelled.some(({ outcome, job }) => outcome === 'ended' && job.state !== 'cancelled');
  return late ? ExitCode.failed : ExitCode.done;
}

const NOTES = `
It can be repeated. Exit status: 0 if the jobs are cancelled or going to be; 1
if one had ended by itself before, which is said; 120 if one is unknown.

Examples:
  mayfly cancel j-8w3m0c5vkq1z
  mayfly cancel --wait j-8w3m0c5vkq1z j-2p9dqk4xw7ab
  mayfly list --state queued --json | jq -r '.[].id' | mayfly cancel -
`;
