import { Command } from 'commander';
import { ExitCode } from '../../exit-code.ts';
import { Failure } from '../../failure.ts';
import type { Chosen } from '../../../client/dead-letters/options.ts';
import type { Purged } from '../../../client/dead-letters/dead-letters.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { count } from '../../terminal/words.ts';
import { canAsk, confirm } from '../confirm.ts';
import { type ChoiceOptions, choiceOf, notThere, sayUnseen, withChoice } from './dlq-choice.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

interface DlqPurgeOptions extends ChoiceOptions {
  dryRun?: true;
  yes?: true;
  json?: true;
}

/** `mayfly dlq purge`: jobs that were given up, deleted. */
export function dlqPurgeCommand(): Command {
  const command = withChoice(new Command('purge'))
    .summary('delete them for good')
    .description(
      'Deletes dead letters for good. Asks first on a terminal. Records and logs of the jobs stay (`mayfly cleanup`).',
    )
    .option('--dry-run', 'only print which they are')
    .option('--yes', 'without asking; needed off a terminal')
    .option('--json', 'print JSON: {"count", "ids", "missing", "unseen"}')
    .addHelpText('after', NOTES);
  return withFleet(command).action(onFleet(run));
}

const NOTES = `
--all is SQS's own purge: it can be done once a minute, takes up to a minute,
and takes along what comes meanwhile; nobody learns which they were, so "ids" is
empty. With --dry-run "count" and "ids" are of those that would be deleted.
"unseen" is about how many more there are, which somebody else looks at.

Exit status: 0; 1 if one that was named is not there, or you said no.

Examples:
  mayfly dlq purge j-8w3m0c5vkq1z
  mayfly dlq purge --reason 'exit status 7' --dry-run
  mayfly dlq purge --all --yes
`;

async function run(fleet: Fleet, ids: string[], options: DlqPurgeOptions): Promise<void> {
  const { dryRun, json, yes } = options;
  const choice = choiceOf(ids, options);
  if (!dryRun && !yes) await ask(fleet, choice);
  const purged = await fleet.deadLetters.purge({ ...choice, dryRun: dryRun ?? false });
  if (json) printJson(purged);
  else if (dryRun) for (const id of purged.ids) print(escapeLine(id));
  tell(purged, options);
}

/** @throws Failure if nobody can be asked, or the answer is no */
async function ask(fleet: Fleet, choice: Chosen): Promise<void> {
  if (!canAsk()) {
    throw new Failure('Off a terminal nobody can be asked: say --yes to delete them.', ExitCode.usage);
  }
  const question = `Delete ${await whichOf(fleet, choice)} of fleet ${escapeLine(fleet.facts.fleet)} for good?`;
  await confirm(question, 'Nothing was deleted.');
}

/** Those of a reason are looked for before anybody is asked: how many they are is what the answer depends on. */
async function whichOf({ deadLetters }: Fleet, choice: Chosen): Promise<string> {
  const { ids = [], reason } = choice;
  if (ids.length > 0) return count(ids.length, 'dead letter');
  if (reason === undefined) return `all of about ${count(await deadLetters.count(), 'dead letter')}`;
  const found = await deadLetters.purge({ ...choice, dryRun: true });
  return `${count(found.count, 'dead letter')} whose reason has ${JSON.stringify(escapeLine(reason))} in it`;
}

function tell({ count: deleted, missing, unseen }: Purged, { all, dryRun }: DlqPurgeOptions): void {
  for (const id of missing) say(notThere(escapeLine(id)));
  const letters = count(deleted, 'dead letter');
  if (dryRun) say(`${letters} would be deleted; nothing was.`);
  else say(`deleted ${all ? 'about ' : ''}${letters}.`);
  sayUnseen(unseen);
  if (missing.length > 0) process.exitCode = ExitCode.failed;
}
