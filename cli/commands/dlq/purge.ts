import { Command } from 'commander';
import type { Purged } from '../../../client/dead-letters/dead-letters.ts';
import type { DeadLetterSelection } from '../../../client/dead-letters/options.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { CliError } from '../../error.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { canPrompt, confirm } from '../../terminal/confirm.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import {
  addChoiceOptions,
  type ChoiceOptions,
  checkedChoice,
  notFoundMessage,
  reportSkipped,
} from './choice.ts';

interface DlqPurgeOptions extends ChoiceOptions {
  dryRun?: true;
  yes?: true;
  json?: true;
}

/** `mayfly dlq purge`: deletes dead letters. */
export function dlqPurgeCommand(): Command {
  const command = addChoiceOptions(new Command('purge'))
    .summary('delete dead letters')
    .description(
      'Deletes dead letters. On a terminal it asks first. The records and logs of the jobs stay (`mayfly cleanup` ' +
        'removes them).',
    )
    .option('--dry-run', 'only print the ids of those that would be deleted')
    .option('--yes', 'do not ask; required where stdin or stderr is no terminal')
    .option('--json', 'print JSON: {"count", "ids", "missing", "remaining"}')
    .addHelpText('after', NOTES);
  return addFleetOptions(command).action(runOnFleet(run));
}

const NOTES = `
--all is the purge of SQS. It can run once a minute and takes up to a minute.
It also deletes messages that arrive meanwhile. It does not tell their ids, so
"ids" is empty. With --dry-run, "count" and "ids" are those that would be
deleted. "remaining" is about how many were skipped, because somebody else is
looking at the queue.

Exit status: 0; 1 if a named one was not found, or if you answered no.

Examples:
  mayfly dlq purge j-8w3m0c5vkq1z
  mayfly dlq purge --reason 'exit status 7' --dry-run
  mayfly dlq purge --all --yes
`;

async function run(fleet: Fleet, ids: string[], options: DlqPurgeOptions): Promise<void> {
  const { dryRun, json, yes } = options;
  const choice = checkedChoice(ids, options);
  if (!dryRun && !yes) await confirmPurge(fleet, choice);
  const purged = await fleet.deadLetters.purge({ ...choice, dryRun: dryRun ?? false });
  if (json) printJson(purged);
  else if (dryRun) for (const id of purged.ids) print(escapeLine(id));
  report(purged, options);
}

/** @throws CliError if there is no terminal to ask on, or the answer is no */
async function confirmPurge(fleet: Fleet, choice: DeadLetterSelection): Promise<void> {
  if (!canPrompt()) {
    throw new CliError('There is no terminal to ask on. Use --yes to delete without asking.', ExitCode.usage);
  }
  await confirm(`Delete ${await describeChoice(fleet, choice)}?`, 'Nothing was deleted.');
}

/** With --reason it counts the matching dead letters first, because the question states their number. */
async function describeChoice({ deadLetters, facts }: Fleet, choice: DeadLetterSelection): Promise<string> {
  const { ids = [], reason } = choice;
  const letters = (number: number) => `${countOf(number, 'dead letter')} of fleet ${escapeLine(facts.fleet)}`;
  if (ids.length > 0) return letters(ids.length);
  if (reason === undefined) return `all of about ${letters(await deadLetters.count())}`;
  const found = await deadLetters.purge({ ...choice, dryRun: true });
  return `${letters(found.count)} whose reason contains ${JSON.stringify(escapeLine(reason))}`;
}

function report({ count: deleted, missing, remaining }: Purged, { all, dryRun }: DlqPurgeOptions): void {
  for (const id of missing) say(notFoundMessage(escapeLine(id)));
  const letters = countOf(deleted, 'dead letter');
  if (dryRun) say(`${letters} would be deleted; nothing was changed.`);
  else say(`deleted ${all ? 'about ' : ''}${letters}.`);
  reportSkipped(remaining);
  if (missing.length > 0) process.exitCode = ExitCode.failed;
}
