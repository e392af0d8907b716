import { Command } from 'commander';
import { ExitCode } from '../exit-code.ts';
import { chooser } from '../fleet/dead-letter-choice.ts';
import type { Redriven } from '../fleet/dead-letters.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { escapeLine } from '../terminal/escape.ts';
import { print, printJsonLine } from '../terminal/print.ts';
import { createProgress } from '../terminal/progress.ts';
import { count } from '../terminal/words.ts';
import { untilInterrupted } from './interrupt.ts';
import { someIds } from './values.ts';
import { onFleet, withFleet } from './with-fleet.ts';

interface DlqRedriveOptions {
  all?: true;
  reason?: string;
  to?: string;
  json?: true;
}

/** `mayfly dlq redrive`: jobs that were given up, once more. */
export function dlqRedriveCommand(): Command {
  return withFleet(
    new Command('redrive')
      .summary("enqueue them again, as new jobs on the fleet's queue")
      .description(
        "Makes a new job of each that is chosen, on the fleet's queue, which it names; the new job names the old one. " +
          'Prints the old id and the new one, a line each.',
      )
      .argument('[ids...]', 'jobs, or messages', someIds)
      .option('--all', 'all there are')
      .option('--reason <text>', 'all whose reason has this in it')
      .option('--to <queue>', "the fleet's queue, by name or URL: for what was on another queue before")
      .option('--json', 'print a JSON object a line: {"id", "messageId", "outcome", "newId"?}')
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
}

const NOTES = `
It can be broken off and run again: of a dead letter always the same new job is
made, and only once. Left where they are: what was on another queue (unless --to
confirms where it goes), what can be no job of this fleet, and, unless it is
named, what was retried already (\`mayfly retry\`). SQS's own redrive makes new
jobs as well, but of all dead letters, and tells nobody their ids.

Exit status: 0; 1 if one that was chosen is left there, or one that was named is
not there.

Examples:
  mayfly dlq redrive j-8w3m0c5vkq1z
  mayfly dlq redrive --all
  mayfly dlq redrive --reason 'ran out of memory' |
    cut -d ' ' -f 2 | mayfly wait -
`;

async function run(fleet: Fleet, ids: string[], { json, all, reason, to }: DlqRedriveOptions): Promise<void> {
  const { deadLetters, facts } = fleet;
  const choice = {
    ids,
    ...(all !== undefined && { all }),
    ...(reason !== undefined && { reason }),
    ...(to !== undefined && { to }),
  };
  chooser(choice);
  process.stderr.write(`mayfly: they go to ${escapeLine(facts.queueUrl)}, as new jobs.\n`);
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
  const farewell = () => `Stopped: ${summary(settled)}. The same command goes on where this one stopped.`;
  try {
    const { missing } = await untilInterrupted(
      (signal) => deadLetters.redrive({ ...choice, onRedrive, signal }),
      farewell,
    );
    progress.end();
    tell(settled, missing, json);
  } finally {
    progress.end();
  }
}

function tell(settled: readonly Redriven[], missing: readonly string[], json: true | undefined): void {
  const left = settled.map(whyLeft).filter((why) => why !== undefined);
  for (const why of left) process.stderr.write(`mayfly: ${escapeLine(why)}\n`);
  for (const id of missing) {
    if (json) printJsonLine({ id, outcome: 'missing' });
    process.stderr.write(`mayfly: ${escapeLine(id)} is not there, or somebody else looks at it just now.\n`);
  }
  process.stderr.write(`mayfly: ${summary(settled)}.\n`);
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

function summary(settled: readonly Redriven[]): string {
  const number = (...outcomes: Redriven['outcome'][]) =>
    settled.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const parts = [`${count(number('redriven'), 'job')} redriven`];
  if (number('copy') > 0) parts.push(`${number('copy')} deleted as copies of these`);
  const left = number('foreign', 'refused', 'retried');
  if (left > 0) parts.push(`${left} left`);
  return parts.join(', ');
}
