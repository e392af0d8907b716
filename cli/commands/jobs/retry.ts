import { Command } from 'commander';
import { FleetError, JobIsLiveError, UnknownJobError } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { Retried, RetryOptions } from '../../../client/jobs/retry.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { readJobIds } from '../../options/job-ids.ts';
import { parseIds } from '../../options/values.ts';
import { escapeText } from '../../terminal/escape.ts';
import { print } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { printJobs } from './show-jobs.ts';

/** `mayfly retry`: enqueues ended jobs again, as new jobs. */
export function retryCommand(): Command {
  return addFleetOptions(
    new Command('retry')
      .summary('run ended jobs again, as new jobs')
      .description(
        'Enqueues jobs that have ended again, whether they succeeded or not. Each becomes a new job with the same body, ' +
          'whose record names the old one. Prints the new ids.',
      )
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', parseIds)
      .option(
        '--once',
        'only if the job was not retried, or its last retry has ended without success; else print the id of that retry',
      )
      .option('--json', 'print JSON: {"id"?, "retryOf", "outcome", "why"?}; an array for several jobs')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

interface Options {
  once?: true;
  json?: true;
}

/** The result for one job, as `--json` prints it. */
interface RetryResult {
  /** The id of the new job, or of the retry that exists. */
  id?: string;
  retryOf: string;
  outcome: Retried['outcome'] | 'live' | 'unknown' | 'refused';
  /** Why the job was not retried. */
  why?: string;
}

async function run(fleet: Fleet, args: string[], { json, once }: Options): Promise<void> {
  const { ids, single } = await readJobIds(args);
  const results: RetryResult[] = [];
  for (const id of ids) {
    const result = await retryOne(fleet, id, once ? { once } : {});
    results.push(result);
    if (result.why !== undefined) say(escapeText(result.why));
    else if (result.id !== undefined && !json) print(result.id);
  }
  if (json) printJobs(results, single);
  process.exitCode = exitStatus(results);
}

async function retryOne(fleet: Fleet, id: string, options: RetryOptions): Promise<RetryResult> {
  try {
    return await fleet.retry(id, options);
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    const outcome =
      error instanceof UnknownJobError ? 'unknown' : error instanceof JobIsLiveError ? 'live' : 'refused';
    return { retryOf: id, outcome, why: error.message };
  }
}

function exitStatus(results: readonly RetryResult[]): number {
  if (results.some(({ outcome }) => outcome === 'unknown')) return ExitCode.unknown;
  return results.every(({ why }) => why === undefined) ? ExitCode.done : ExitCode.failed;
}

const NOTES = `
A job whose long body is kept nowhere is refused; the message says what else you
can do. Exit status: 0; 1 if a job could not be retried; 120 if one is unknown.
The other jobs are retried nevertheless. With --json, "outcome" is retried, live
(it has not ended), unknown or refused. Only a retried job has an "id", the new
one.

--once can be repeated. It retries the last retry of the job, and only if that
one has ended without success. Otherwise it prints the id of that retry, and
"outcome" is repeated.

Examples:
  mayfly retry j-8w3m0c5vkq1z
  mayfly list --state failed --since 2h --json | jq -r '.[].id' |
    mayfly retry - | mayfly wait -
`;
