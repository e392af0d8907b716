import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { Outlet, ReaderGone } from './log-outlet.ts';
import { LogPrinter } from './log-printer.ts';
import { anId, whole } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

interface LogsOptions {
  follow?: true;
  stdout?: true;
  stderr?: true;
  try?: number;
  timestamps?: true;
  raw?: true;
  json?: true;
}

/** `mayfly logs`: what a job has printed, or prints. */
export function logsCommand(): Command {
  return withFleet(
    new Command('logs')
      .summary('show what a job has printed, or prints')
      .description(
        "Shows the output of a job's worker, also while it runs: its stdout on stdout and its stderr on stderr. Of a " +
          'job that was tried several times the last try, or those that come.',
      )
      .argument('<id>', 'the job', anId)
      .option('-f, --follow', 'wait for the job to start, and go on until it has ended')
      .addOption(new Option('--stdout', "only the worker's stdout").conflicts('stderr'))
      .addOption(new Option('--stderr', "only the worker's stderr; it goes to stdout"))
      .option(
        '--try <number>',
        'only this one of the tries that `mayfly status` lists, 1 is the first',
        whole(1),
      )
      .addOption(new Option('-t, --timestamps', 'each line with the time when it began').conflicts('json'))
      .option('--raw', 'bytes as they are, on a terminal too')
      .option('--json', 'one JSON object a line: {"at","stream","text"}, "base64" if it is no text')
      .addHelpText('after', NOTES),
  ).action(onFleet(show));
}

const NOTES = `
Off a terminal the bytes are the worker's, untouched. On one, what a terminal
would obey is made visible (\\x1b). Bytes that could not be kept are told on
stderr where they are missing; with --json: {"stream","lost": bytes}, or
"beyondMaxLog" for those that are beyond the fleet's maxLog. The exit status
says whether the log could be read, not how the job ended: that is what
\`mayfly wait\` is for.

Examples:
  mayfly logs -f j-x7c2p9q4m1ks
  mayfly logs --stdout j-x7c2p9q4m1ks > report.pdf
  mayfly logs --json j-x7c2p9q4m1ks | jq -r 'select(.stream == "stderr").text'
`;

async function show(fleet: Fleet, id: string, options: LogsOptions): Promise<void> {
  const { stdout, stderr, raw = false } = options;
  // What is JSON has been escaped already, as JSON is.
  const asItIs = raw || options.json === true;
  const outlets = { stdout: new Outlet(process.stdout, asItIs), stderr: new Outlet(process.stderr, raw) };
  const reading = {
    ...(options.follow && { follow: true }),
    ...(options.try !== undefined && { try: options.try }),
    ...(stdout && { stream: 'stdout' as const }),
    ...(stderr && { stream: 'stderr' as const }),
  };
  const { timestamps = false, json = false } = options;
  const person = process.stderr.isTTY === true;
  const printer = new LogPrinter(outlets, { ...reading, timestamps, json, person });
  try {
    for await (const event of fleet.logs(id, reading)) await printer.print(event);
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
  }
}
