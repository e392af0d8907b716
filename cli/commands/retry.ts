import { Command } from 'commander';
import { ExitCode } from '../exit-code.ts';
import { FleetError, UnknownJob } from '../fleet/errors.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Retried } from '../fleet/retry.ts';
import { escapeText } from '../terminal/escape.ts';
import { print } from '../terminal/print.ts';
import { givenIds } from './ids.ts';
import { printJobs } from './show-jobs.ts';
import { someIds } from './values.ts';
import { onFleet, withFleet } from './with-fleet.ts';

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
      .option('--json', 'print JSON: {"id", "retryOf"}; of several an array')
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
}

async function run(fleet: Fleet, words: string[], { json }: { json?: true }): Promise<void> {
  const { ids, single } = await givenIds(words);
  const retried: Retried[] = [];
  const refused: FleetError[] = [];
  for (const id of ids) {
    try {
      const one = await fleet.retry(id);
      retried.push(one);
      if (!json) print(one.id);
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      refused.push(error);
      process.stderr.write(`mayfly: ${escapeText(error.message)}\n`);
    }
  }
  if (json && (retried.length > 0 || !single)) printJobs(retried, single);
  if (refused.length > 0) process.exitCode = statusOf(refused);
}

function statusOf(refused: readonly FleetError[]): number {
  return refused.some((error) => error instanceof UnknownJob) ? ExitCode.unknown : ExitCode.failed;
}

const NOTES = `
A job whose body was long and is kept nowhere is refused, with what else can be
done. Exit status: 0; 1 if one could not be retried; 120 if one is unknown. The
others are retried all the same.

Examples:
  mayfly retry j-8w3m0c5vkq1z
  mayfly list --state failed --since 2h --json | jq -r '.[].id' |
    mayfly retry - | mayfly wait -
`;
