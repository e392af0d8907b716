import { Command, Option } from 'commander';
import type { DeadLetter } from '../../../client/dead-letters/dead-letters.ts';
import { NoDeadLetterError } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import { formatDuration } from '../../../lib/format-duration.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parseId } from '../../options/values.ts';
import { escapeLine, escapeText } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { print, printBody, printJson } from '../../terminal/print.ts';
import { wrapLines } from '../../terminal/say.ts';
import { formatTimestamp } from '../jobs/words.ts';

interface DlqShowOptions {
  body?: true;
  json?: true;
}

/** How much of a body is shown. */
const MOST_LINES = 20;
const MOST_CHARACTERS = 2000;

/** `mayfly dlq show`: one dead letter. */
export function dlqShowCommand(): Command {
  return addFleetOptions(
    new Command('show')
      .summary('show one dead letter, with its body')
      .description(
        'Shows why and when a job was dead-lettered, the body that its worker got, and the record of the job if there ' +
          'is one.',
      )
      .argument('<id>', 'the id of the job or of the message', parseId)
      .addOption(new Option('--body', 'print only the body, all of it, unchanged').conflicts('json'))
      .option(
        '--json',
        'print a JSON object, with the whole body and the job as in `mayfly status --json`; {"id", "outcome": ' +
          '"missing"} if there is no such dead letter',
      ),
  ).action(runOnFleet(run));
}

async function run(fleet: Fleet, id: string, { body, json }: DlqShowOptions): Promise<void> {
  const {
    job: _,
    message: __,
    ...letter
  } = await fleet.deadLetters.show(id).catch((error) => {
    if (json && error instanceof NoDeadLetterError) printJson({ id, outcome: 'missing' });
    throw error;
  });
  if (body) return printBody(letter.body);
  const record = fleet.facts.trackJobs ? await fleet.status(letter.id) : undefined;
  const known = record?.state === 'unknown' ? undefined : record;
  if (json) return printJson({ ...letter, ...(known && { record: known }) });
  print(block(letter, known, fleet.context.clock.now()));
}

/** The further lines of a value are indented to where its first line begins. */
const VALUE_INDENT = ' '.repeat(11);

function block(
  letter: Omit<DeadLetter, 'job' | 'message'>,
  record: JobView | undefined,
  nowMs: number,
): string {
  const { id, messageId, reason, exitStatus, signal, deadAt, source, problem } = letter;
  const facts: [string, string | undefined][] = [
    ['why', reason ?? 'its message has no reason'],
    ['exit', exitStatus === undefined ? signal : String(exitStatus)],
    [
      'since',
      deadAt && `${formatTimestamp(deadAt)}, ${formatDuration((nowMs - Date.parse(deadAt)) / 1000)} ago`,
    ],
    ['was on', source],
    ['message', messageId],
    ['record', recordText(record)],
    ['problem', problem],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined
      ? []
      : [wrapLines(`  ${name.padEnd(8)} ${escapeLine(value)}`, process.stdout, VALUE_INDENT)],
  );
  return [escapeLine(id), ...lines, bodyText(letter)].join('\n');
}

function recordText(record: JobView | undefined): string {
  if (!record) return 'none, or it has expired';
  const { state, tries, retriedAs } = record;
  const again = retriedAs === undefined ? '' : `; it was enqueued again as ${retriedAs}`;
  return `${state}, ${tries.length} ${tries.length === 1 ? 'try' : 'tries'}${again}`;
}

function bodyText({ body, bodyKey }: Pick<DeadLetter, 'body' | 'bodyKey'>): string {
  const where = bodyKey === undefined ? '' : `, in the log bucket at ${escapeLine(bodyKey)}`;
  const head = `  body     ${countOf(Buffer.byteLength(body), 'byte')}${where}`;
  if (body === '') return head;
  const shown = body.slice(0, MOST_CHARACTERS).split('\n').slice(0, MOST_LINES).join('\n');
  const more = shown.length < body.trimEnd().length ? '\n    ... (--body prints all of it)' : '';
  const indented = escapeText(shown.trimEnd()).replaceAll('\n', '\n    ');
  return `${head}\n    ${indented}${more}`;
}
