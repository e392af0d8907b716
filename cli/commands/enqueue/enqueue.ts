import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { SQS_MAX_DELAY_SECONDS } from '../../../lib/limits.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { typedFlags } from '../../options/typed-flags.ts';
import { seconds, wholeNumber } from '../../options/values.ts';
import { enqueueBody, readBodyInput } from './body.ts';
import { enqueueFile } from './file.ts';
import type { EnqueueOptions, FileOptions } from './options.ts';

/** `mayfly enqueue`: enqueues one job, or a job for each line of a file. */
export function enqueueCommand(): Command {
  const command = new Command('enqueue')
    .summary('enqueue one job or many')
    .description(
      'Enqueues a job and prints its id. With --file or -, it enqueues a job for each line. The worker reads the body. ' +
        'Options that Ansible has too are named as in Ansible.',
    )
    .usage('[options] <body> | --file <file> | -')
    .argument('[body]', 'the body of the job; - reads standard input, a job a line')
    .option(
      '--async <seconds>',
      "how long the job may run, from its worker's start; default: the fleet's limit",
      seconds(1),
    )
    .option('--poll <seconds>', 'wait for the end, and check this often; 0: do not wait', seconds(0), 0)
    .option(
      '--delay <seconds>',
      'do not start the job before this time',
      wholeNumber(0, SQS_MAX_DELAY_SECONDS),
    )
    .option('--dedupe <key>', 'enqueue only if no job has this key yet; else print the id of that job')
    .option(
      '--label <name>',
      'a name that jobs share: `list --label` finds them, their workers have it as MAYFLY_LABEL',
    )
    .option('--group <name>', 'jobs of one group do not all run at once: a name, or family/group')
    .option('--target <name>', 'what the job works on: one job at a time has it; needs --group')
    .option('--file <file>', 'enqueue a job for each line of this file')
    .addOption(
      new Option(
        '--json-lines',
        'each line is {"body": ..., "async"?, "delay"?, "dedupe"?, "label"?, "group"?, "target"?}; a body that is not a string is sent as ' +
          'it is written in the file',
      ),
    )
    .addOption(
      new Option('--whole', 'the whole file, or all of standard input, is one body').conflicts('jsonLines'),
    )
    .option('--journal <file>', 'the file that records what was sent; default: <file>.mayfly')
    .option(
      '--json',
      'print JSON: an object for one job, a line for each of many; with --poll, what `wait --json` prints',
    )
    .addHelpText('after', NOTES);
  return addFleetOptions(command).action((...args: unknown[]) => {
    const [body, options] = args as [string | undefined, EnqueueOptions];
    const usage = wrongUsage(body, options);
    if (usage !== undefined) command.error(`error: ${usage}`);
    return run(body, { ...options, typed: typedFlags(command, ['file', 'journal']) }, command);
  });
}

const run = runOnFleet(async (fleet: Fleet, body: string | undefined, options: FileOptions) => {
  if (isMany(body, options)) await enqueueFile(fleet, options);
  else await enqueueBody(fleet, readBodyInput(body, options), options);
});

function isMany(body: string | undefined, { file, whole }: EnqueueOptions): boolean {
  return !whole && (file !== undefined || body === '-');
}

function wrongUsage(body: string | undefined, options: EnqueueOptions): string | undefined {
  const { file, jsonLines, whole, dedupe, journal } = options;
  if ((body === undefined) === (file === undefined)) {
    return 'Give exactly one of these: a body, --file <file>, or - for standard input.';
  }
  const many = isMany(body, options);
  if (whole && file === undefined && body !== '-') return '--whole needs --file <file> or -.';
  if (!many && (jsonLines || journal !== undefined)) {
    return `${jsonLines ? '--json-lines' : '--journal'} needs many jobs: --file <file> or -.`;
  }
  if (many && dedupe !== undefined) {
    return '--dedupe is the key of one job. With --json-lines each line can have its own key.';
  }
  return undefined;
}

const NOTES = `
All lines of a file are checked before the first job is sent. Empty lines are
skipped. A byte order mark at the start of the file belongs to no job (with
--whole it belongs to the body). If not all jobs could be sent, <file>.mayfly
records which were, and the same command sends the rest. A job that is sent
twice runs once. You may correct the file before: the text of a line identifies
what was sent. Standard input, or a file that is a pipe, is read to its end
first. If not all of it could be sent, it is kept in a file, and a message says
how to continue.

Examples:
  mayfly enqueue report-2031                  prints an id: j-8w3m0c5vkq1z
  mayfly enqueue --async 600 --poll 2 report-2031
                                              waits, and exits as the job does
  mayfly enqueue --dedupe nightly-05-02 all   twice the same night is once
  mayfly enqueue --group shop/web --target s1 restart
                                              one at a time in shop/web
  mayfly enqueue --file jobs.txt > ids.txt    a job a line
  mayfly enqueue --file order.xml --whole     a job whose body is this file
  jq -c '{body: .}' orders.json | mayfly enqueue --json-lines -
  mayfly enqueue -- --verbose                 a body that begins with -
`;
