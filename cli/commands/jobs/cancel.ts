import { Command } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import type { Cancelled } from '../../../client/jobs/cancel.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { readJobIds } from '../../options/job-ids.ts';
import { parseIds } from '../../options/values.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { printSentence } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { printJobs, reportUnknownJobs } from './show-jobs.ts';
import { stateReason } from './words.ts';

/** `mayfly cancel`: cancels queued and running jobs. */
export function cancelCommand(): Command {
  return addFleetOptions(
    new Command('cancel')
      .summary('cancel jobs')
      .description(
        'Cancels jobs. A queued job never starts. The worker of a running job is stopped within seconds: it gets SIGTERM, ' +
          "and after the fleet's grace all its processes get SIGKILL.",
      )
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', parseIds)
      .option('--wait', 'wait until they have ended')
      .option('--json', 'print JSON: {"id", "outcome", "job"}; an array for several jobs')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

async function run(fleet: Fleet, args: string[], options: { wait?: true; json?: true }): Promise<void> {
  const { wait = false, json = false } = options;
  const { ids, single } = await readJobIds(args);
  const progress = createProgress();
  if (wait) progress.show({ text: 'waiting for workers to be stopped' });
  const cancel = (signal: AbortSignal) => fleet.cancel(ids, { wait, signal });
  const message = 'Only the waiting was stopped: the jobs are cancelled nevertheless.';
  const cancelled = await runInterruptibly(cancel, message).finally(() => progress.end());
  reportUnknownJobs(
    fleet,
    cancelled.map(({ job }) => job),
  );
  if (json) printJobs(cancelled, single);
  else for (const one of cancelled) if (one.outcome !== 'unknown') printSentence(sentence(one));
  process.exitCode = exitStatus(cancelled);
}

function sentence({ id, outcome, job }: Cancelled): string {
  const name = escapeLine(id);
  if (outcome === 'cancelled') {
    return job.tries.length === 0 ? `${name} is cancelled: it never starts.` : `${name} is cancelled.`;
  }
  if (outcome === 'requested') {
    return `${name} runs on ${escapeLine(job.instance ?? '?')}: its worker is stopped within seconds.`;
  }
  const why = stateReason(job);
  return `${name} had ended already: ${job.state}${why ? `, ${why}` : ''}.`;
}

/** A job that was cancelled before counts as a success. */
function exitStatus(cancelled: readonly Cancelled[]): number {
  if (cancelled.some(({ outcome }) => outcome === 'unknown')) return ExitCode.unknown;
  const late = cancelled.some(({ outcome, job }) => outcome === 'ended' && job.state !== 'cancelled');
  return late ? ExitCode.failed : ExitCode.done;
}

const NOTES = `
It can be repeated. Exit status: 0 if the jobs are or will be cancelled; 1 if a
job had ended by itself before; 120 if one is unknown.

Examples:
  mayfly cancel j-8w3m0c5vkq1z
  mayfly cancel --wait j-8w3m0c5vkq1z j-2p9dqk4xw7ab
  mayfly list --state queued --json | jq -r '.[].id' | mayfly cancel -
`;
