import { Command } from 'commander';
import type { Redriven } from '../../../client/dead-letters/dead-letters.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { print, printJsonLine } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { say } from '../../terminal/say.ts';
import {
  addChoiceOptions,
  type ChoiceOptions,
  checkedChoice,
  notFoundMessage,
  reportSkipped,
} from './choice.ts';

interface DlqRedriveOptions extends ChoiceOptions {
  to?: string;
  dryRun?: true;
  json?: true;
}

/** `mayfly dlq redrive`: enqueues the jobs of dead letters again. */
export function dlqRedriveCommand(): Command {
  return addFleetOptions(
    addChoiceOptions(new Command('redrive'))
      .summary("enqueue their jobs again, as new jobs on the fleet's queue")
      .description(
        "Enqueues each chosen dead letter as a new job on the fleet's queue, and says which queue that is. The record " +
          'of the new job names the old one. Prints a line for each: the old id and the new one.',
      )
      .option('--to <queue>', "the fleet's queue, by name or URL: for letters that came from another queue")
      .option('--dry-run', 'only print what would be done')
      .option('--json', 'print a JSON object a line: {"id", "messageId", "outcome", "newId"?}')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

const NOTES = `
It can be interrupted and run again: a dead letter always becomes the same new
job, and only once. Some dead letters stay: those that came from another queue
(unless --to names the target), those that cannot be a job of this fleet, and
those that were retried already (\`mayfly retry\`) unless you name them. The
redrive of SQS makes new jobs too, but of all dead letters, and does not tell
their ids. --dry-run prints the ids that the new jobs will have.

Exit status: 0; 1 if a named one was not found, or if one stays for another
reason than that it was retried already.

Examples:
  mayfly dlq redrive j-8w3m0c5vkq1z
  mayfly dlq redrive --all
  mayfly dlq redrive --reason 'ran out of memory' |
    cut -d ' ' -f 2 | mayfly wait -
`;

async function run(fleet: Fleet, ids: string[], options: DlqRedriveOptions): Promise<void> {
  const { dryRun, json, to } = options;
  const { deadLetters, facts } = fleet;
  const choice = { ...checkedChoice(ids, options), dryRun: dryRun ?? false, ...(to !== undefined && { to }) };
  if (!dryRun) say(`the new jobs go to the queue ${escapeLine(facts.queueUrl)}.`);
  const total = ids.length || (await deadLetters.count());
  const progress = createProgress();
  const handled: Redriven[] = [];
  const onRedrive = (one: Redriven) => {
    handled.push(one);
    progress.show({
      text: `${handled.length} of about ${total}`,
      done: Math.min(handled.length, total),
      total,
    });
    if (json) printJsonLine(one);
    else if (one.outcome === 'redriven') print(`${escapeLine(one.id)} ${one.newId}`);
  };
  const interruptedMessage = () =>
    `Stopped: ${summary(handled, dryRun)}. The same command continues where this one stopped.`;
  try {
    const { missing, remaining } = await runInterruptibly(
      (signal) => deadLetters.redrive({ ...choice, onRedrive, signal }),
      interruptedMessage,
    );
    progress.end();
    report(handled, missing, options);
    reportSkipped(remaining);
  } finally {
    progress.end();
  }
}

function report(
  handled: readonly Redriven[],
  missing: readonly string[],
  { dryRun, json }: DlqRedriveOptions,
): void {
  const left = handled.map(whyLeft).filter((why) => why !== undefined);
  for (const why of left) say(escapeLine(why));
  for (const id of missing) {
    if (json) printJsonLine({ id, outcome: 'missing' });
    say(notFoundMessage(escapeLine(id)));
  }
  say(`${summary(handled, dryRun)}.`);
  const failed = handled.some(({ outcome }) => outcome === 'foreign' || outcome === 'refused');
  if (failed || missing.length > 0) process.exitCode = ExitCode.failed;
}

function whyLeft(one: Redriven): string | undefined {
  const { id } = one;
  if (one.outcome === 'foreign')
    return `${id} stays: it came from another queue, ${one.source}. Use --to to name the fleet's queue as its target`;
  if (one.outcome === 'refused') return `${id} stays: ${one.why}`;
  if (one.outcome === 'retried') return `${id} stays: it was retried already, as ${one.newId}`;
  return undefined;
}

function summary(handled: readonly Redriven[], dryRun: true | undefined): string {
  const number = (...outcomes: Redriven['outcome'][]) =>
    handled.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const would = dryRun ? 'would be ' : '';
  const parts = [`${countOf(number('redriven'), 'job')} ${would}redriven`];
  if (number('copy') > 0) parts.push(`${number('copy')} ${would}deleted as copies of these`);
  const left = number('foreign', 'refused', 'retried');
  if (left > 0) parts.push(`${left} ${left === 1 ? 'stays' : 'stay'}`);
  return `${parts.join(', ')}${dryRun ? '; nothing was changed' : ''}`;
}
