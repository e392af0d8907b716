import { Command } from 'commander';
import { ExitCode } from '../../exit-code.ts';
import type { Redriven } from '../../../client/dead-letters/dead-letters.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { print, printJsonLine } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { say } from '../../terminal/say.ts';
import { count } from '../../terminal/words.ts';
import { type ChoiceOptions, choiceOf, notThere, sayUnseen, withChoice } from './dlq-choice.ts';
import { untilInterrupted } from '../interrupt.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

interface DlqRedriveOptions extends ChoiceOptions {
  to?: string;
  dryRun?: true;
  json?: true;
}

/** `mayfly dlq redrive`: jobs that were given up, once more. */
export function dlqRedriveCommand(): Command {
  return withFleet(
    withChoice(new Command('redrive'))
      .summary("enqueue them again, as new jobs on the fleet's queue")
      .description(
        "Makes a new job of each that is chosen, on the fleet's queue, which it names; the new job names the old one. " +
          'Prints the old id and the new one, a line each.',
      )
      .option('--to <queue>', "the fleet's queue, by name or URL: for what was on another queue before")
      .option('--dry-run', 'only print what would become of each')
      .option('--json', 'print a JSON object a line: {"id", "messageId", "outcome", "newId"?}')
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
}

const NOTES = `
It can be broken off and run again: of a dead letter always the same new job is
made, and only once. Left where they are: what was on another queue (unless --to
confirms where it goes), what can be no job of this fleet, and, unless it is
named, what was retried already (\`mayfly retry\`). SQS's own redrive makes new
jobs as well, but of all dead letters, and tells nobody their ids. The ids that
--dry-run prints are those that the new jobs will have.

Exit status: 0; 1 if one that was chosen is left there, but for those that were
retried already, or one that was named is not there.

Examples:
  mayfly dlq redrive j-8w3m0c5vkq1z
  mayfly dlq redrive --all
  mayfly dlq redrive --reason 'ran out of memory' |
    cut -d ' ' -f 2 | mayfly wait -
`;

async function run(fleet: Fleet, ids: string[], options: DlqRedriveOptions): Promise<void> {
  const { dryRun, json, to } = options;
  const { deadLetters, facts } = fleet;
  const choice = { ...choiceOf(ids, options), dryRun: dryRun ?? false, ...(to !== undefined && { to }) };
  if (!dryRun) say(`they go to ${escapeLine(facts.queueUrl)}, as new jobs.`);
  const total = ids.length || (await deadLetters.count());
  const progress = createProgress();
  const settled: Redriven[] = [];
  const onRedrive = (one: Redriven) => {
    settled.push(one);
    progress.show({
      text: `${settled.length} of about ${total}`,
      done: Math.min(settled.length, total),
      total,
    });
    if (json) printJsonLine(one);
    else if (one.outcome === 'redriven') print(`${escapeLine(one.id)} ${one.newId}`);
  };
  const farewell = () =>
    `Stopped: ${summary(settled, dryRun)}. The same command goes on where this one stopped.`;
  try {
    const { missing, unseen } = await untilInterrupted(
      (signal) => deadLetters.redrive({ ...choice, onRedrive, signal }),
      farewell,
    );
    progress.end();
    tell(settled, missing, options);
    sayUnseen(unseen);
  } finally {
    progress.end();
  }
}

function tell(
  settled: readonly Redriven[],
  missing: readonly string[],
  { dryRun, json }: DlqRedriveOptions,
): void {
  const left = settled.map(whyLeft).filter((why) => why !== undefined);
  for (const why of left) say(escapeLine(why));
  for (const id of missing) {
    if (json) printJsonLine({ id, outcome: 'missing' });
    say(notThere(escapeLine(id)));
  }
  say(`${summary(settled, dryRun)}.`);
  const failed = settled.some(({ outcome }) => outcome === 'foreign' || outcome === 'refused');
  if (failed || missing.length > 0) process.exitCode = ExitCode.failed;
}

function whyLeft(one: Redriven): string | undefined {
  const { id } = one;
  if (one.outcome === 'foreign')
    return `${id} was on another queue, ${one.source}: --to confirms where it goes`;
  if (one.outcome === 'refused') return `${id} is left: ${one.why}`;
  if (one.outcome === 'retried') return `${id} is left: it was retried already, as ${one.newId}`;
  return undefined;
}

function summary(settled: readonly Redriven[], dryRun: true | undefined): string {
  const number = (...outcomes: Redriven['outcome'][]) =>
    settled.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const would = dryRun ? 'would be ' : '';
  const parts = [`${count(number('redriven'), 'job')} ${would}redriven`];
  if (number('copy') > 0) parts.push(`${number('copy')} ${would}deleted as copies of these`);
  const left = number('foreign', 'refused', 'retried');
  if (left > 0) parts.push(`${left} left`);
  return `${parts.join(', ')}${dryRun ? '; nothing was changed' : ''}`;
}
