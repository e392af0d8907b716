import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { ExitCode } from '../exit-code.ts';
import { Failure } from '../failure.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { escapeLine } from '../terminal/escape.ts';
import { count } from '../terminal/words.ts';
import { someIds } from './values.ts';
import { onFleet, withFleet } from './with-fleet.ts';

/** `mayfly dlq purge`: jobs that were given up, deleted. */
export function dlqPurgeCommand(): Command {
  return withFleet(
    new Command('purge')
      .summary('delete them for good')
      .description(
        'Deletes dead letters for good: all there are, or those that are named. Asks first on a terminal. Records and ' +
          'logs of the jobs stay (`mayfly cleanup`).',
      )
      .argument('[ids...]', 'jobs, or messages; default: all', someIds)
      .option('--yes', 'without asking; needed off a terminal')
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
}

const NOTES = `
All at once is SQS's own purge: it can be done once a minute, takes up to a
minute, and takes along what comes meanwhile.
`;

async function run(fleet: Fleet, ids: string[], { yes }: { yes?: true }): Promise<void> {
  const { deadLetters, facts } = fleet;
  const about = ids.length || (await deadLetters.count());
  const what =
    ids.length > 0 ? count(ids.length, 'dead letter') : `all of about ${count(about, 'dead letter')}`;
  if (!yes && !(await isConfirmed(`Delete ${what} of fleet ${escapeLine(facts.fleet)} for good?`))) {
    throw new Failure('Nothing was deleted.');
  }
  const purged = await deadLetters.purge(ids.length > 0 ? { ids } : { all: true });
  for (const id of purged.missing) {
    process.stderr.write(`mayfly: ${escapeLine(id)} is not there, or somebody else looks at it just now.\n`);
  }
  const approximate = ids.length > 0 ? '' : 'about ';
  process.stderr.write(`mayfly: deleted ${approximate}${count(purged.count, 'dead letter')}.\n`);
  if (purged.missing.length > 0) process.exitCode = ExitCode.failed;
}

async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Failure('Off a terminal nobody can be asked: say --yes to delete them.', ExitCode.usage);
  }
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await questions.question(`${question} [y/N] `)).trim());
  } finally {
    questions.close();
  }
}
