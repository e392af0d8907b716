import { Command } from 'commander';
import { ExitCode } from '../../exit-code.ts';
import { FleetError, JobIsLive, UnknownJob } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { Retried, RetryOptions } from '../../../client/jobs/retry.ts';
import { escapeText } from '../../terminal/escape.ts';
import { print } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { givenIds } from './ids.ts';
import { printJobs } from './show-jobs.ts';
import { someIds } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

/** `mayfly retry`: ended jobs once more, as new ones. */
export function retryCommand(): Command {
  return withFleet(
    new Command('retry')
      .summary('run ended jobs once more, as new jobs')
      .description(
        'Enqueues jobs that have ended once more, whatever their end: each as a new job of the same body that names the ' +
          'old one. Prints the new ids.',
      )
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', someIds)
      .option(
        '--once',
        'only if its last retry, if it has one, has ended without success too; else that one is meant',
      )
      .option('--json', 'print JSON: {"id"?, "retryOf", "outcome", "why"?}; of several an array')
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
}

interface Options {
  once?: true;
  json?: true;
}

/** What came of one that was to be retried: what `--json` prints. */
interface Retrial {
  /** Of the new job, or of the one that there is. */
  id?: string;
  retryOf: string;
  outcome: Retried['outcome'] | 'live' | 'unknown' | 'refused';
  /** Why it was not, in a sentence. */
  why?: string;
}

async function run(fleet: Fleet, words: string[], { json, once }: Options): Promise<void> {
  const { ids, single } = await givenIds(words);
  const retrials: Retrial[] = [];
  for (const id of ids) {
    const one = await retried(fleet, id, once ? { once } : {});
    retrials.push(one);
    if (one.why !== undefined) say(escapeText(one.why));
    else if (one.id !== undefined && !json) print(one.id);
  }
  if (json) printJobs(retrials, single);
  process.exitCode = statusOf(retrials);
}

async function retried(fleet: Fleet, id: string, options: RetryOptions): Promise<Retrial> {
  try {
    return await fleet.retry(id, options);
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    const outcome = error instanceof UnknownJob ? 'unknown' : error instanceof JobIsLive ? 'live' : 'refused';
    return { retryOf: id, outcome, why: error.message };
  }
}

function statusOf(retrials: readonly Retrial[]): number {
  if (retrials.some(({ outcome }) => outcome === 'unknown')) return ExitCode.unknown;
  return retrials.every(({ why }) => why === undefined) ? ExitCode.done : ExitCode.failed;
}

const NOTES = `
A job whose body was long and is kept nowhere is refused, with what else can be
done. Exit status: 0; 1 if one could not be retried; 120 if one is unknown. The
others are retried all the same. With --json "outcome" is retried, live (it has
not ended), unknown or refused; only what is retried has an "id", the new one.

--once can be repeated: it retries the last of the jobs that this one was
retried as, and only if that one has ended without success. Otherwise it prints
that one's id, and its "outcome" is repeated.

Examples:
  mayfly retry j-8w3m0c5vkq1z
  mayfly list --state failed --since 2h --json | jq -r '.[].id' |
    mayfly retry - | mayfly wait -
`;
