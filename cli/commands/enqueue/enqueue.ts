import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { LONGEST_DELAY_SECONDS } from '../../../lib/limits.ts';
import { bodyOf, enqueueBody } from './enqueue-body.ts';
import { enqueueFile } from './enqueue-file.ts';
import { givenFlags } from '../given-flags.ts';
import { refusingGroup } from './group-option.ts';
import { seconds, whole } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

export interface EnqueueOptions {
  async?: number;
  poll: number;
  delay?: number;
  dedupe?: string;
  label?: string;
  file?: string;
  jsonLines?: true;
  whole?: true;
  journal?: string;
  json?: true;
}

/** The same, with how they were typed but for what says where the jobs are: to send what is left of a file. */
export interface FileOptions extends EnqueueOptions {
  typed: readonly string[];
}


/** `mayfly enqueue`: one job or a file of them. */
export function enqueueCommand(): Command {
  const command = new Command('enqueue')
    .summary('put a job on the queue, or many')
    .description(
      'Puts a job on the queue and prints its id; or one for each line of a file or of standard input. The body is what ' +
        'the worker reads. Options that Ansible has are called as there.',
    )
    .usage('[options] <body> | --file <file> | -')
    .argument('[body]', "the job's body; - reads standard input, a job a line")
    .option(
      '--async <seconds>',
      "how long it may run, from its worker's start; default: the fleet's limit",
      seconds(1),
    )
    .option('--poll <seconds>', 'wait for its end and look this often; 0: only send it', seconds(0), 0)
    .option('--delay <seconds>', 'not to be started before', whole(0, LONGEST_DELAY_SECONDS))
    .option('--dedupe <key>', 'only if there is no job with this key yet; else that one is meant')
    .option(
      '--label <name>',
      'a name that jobs share: `list --label` finds them, their workers have it as MAYFLY_LABEL',
    )
    .option('--file <file>', 'a job for each line of this file')
    .addOption(
      new Option(
        '--json-lines',
        'each line is {"body": ..., "async"?, "delay"?, "dedupe"?, "label"?}; a body that is no text is sent as it is written',
      ),
    )
    .addOption(
      new Option('--whole', 'all of the file or of standard input is one body').conflicts('jsonLines'),
    )
    .option('--journal <file>', 'where it is kept what was sent of the file; default: <file>.mayfly')
    .option(
      '--json',
      'print JSON: of one job an object, of many one a line; with --poll, what `wait --json` prints',
    )
    .addHelpText('after', NOTES);
  return withFleet(refusingGroup(command)).action((...words: unknown[]) => {
    const [body, options] = words as [string | undefined, EnqueueOptions];
    const usage = wrongUsage(body, options);
    if (usage !== undefined) command.error(`error: ${usage}`);
    return run(body, { ...options, typed: givenFlags(command, ['file', 'journal']) }, command);
  });
}

const run = onFleet(async (fleet: Fleet, body: string | undefined, options: FileOptions) => {
  if (isMany(body, options)) await enqueueFile(fleet, options);
  else await enqueueBody(fleet, bodyOf(body, options), options);
});

function isMany(body: string | undefined, { file, whole }: EnqueueOptions): boolean {
  return !whole && (file !== undefined || body === '-');
}

function wrongUsage(body: string | undefined, options: EnqueueOptions): string | undefined {
  const { file, jsonLines, whole, dedupe, journal } = options;
  if ((body === undefined) === (file === undefined)) {
    return 'One of these is needed: a body, --file <file>, or - for standard input; not two.';
  }
  const many = isMany(body, options);
  if (whole && file === undefined && body !== '-') return '--whole is for --file <file> or -.';
  if (!many && (jsonLines || journal !== undefined)) {
    return `${jsonLines ? '--json-lines' : '--journal'} is for many jobs: --file <file> or -.`;
  }
  if (many && dedupe !== undefined) {
    return 'One --dedupe cannot be of many jobs: with --json-lines each line can have its own.';
  }
  return undefined;
}

const NOTES = `
Of a file nothing is sent before all of its lines are known to be good; empty
lines are no jobs, and a byte order mark at the start of the file is part of
none (with --whole it is part of the body). If it breaks off, for whatever
reason, <file>.mayfly keeps what was sent, and the same command sends the rest:
a job that is sent twice runs once. The file may be mended in between: what was
sent is known by the text of its line. Standard input, or a file that is a pipe,
is read to its end first; if not all of it could be sent, it is kept in a file,
and you are told how to go on.

Examples:
  mayfly enqueue report-2031                  prints an id: j-8w3m0c5vkq1z
  mayfly enqueue --async 600 --poll 2 report-2031
                                              waits, and exits as the job does
  mayfly enqueue --dedupe nightly-05-02 all   twice the same night is once
  mayfly enqueue --file jobs.txt > ids.txt    a job a line
  mayfly enqueue --file order.xml --whole     a job whose body is this file
  jq -c '{body: .}' orders.json | mayfly enqueue --json-lines -
  mayfly enqueue -- --verbose                 a body that begins with -
`;
