import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parseId, wholeNumber } from '../../options/values.ts';
import { OutputWriter, ReaderGoneError } from './output-writer.ts';
import { LogPrinter } from './printer.ts';

interface LogsOptions {
  follow?: true;
  stdout?: true;
  stderr?: true;
  try?: number;
  timestamps?: true;
  raw?: true;
  json?: true;
}

/** `mayfly logs`: shows the output of a job. */
export function logsCommand(): Command {
  return addFleetOptions(
    new Command('logs')
      .summary('show the output of a job, also while it runs')
      .description(
        'Shows the output of the worker of a job, also while it runs: its stdout on stdout and its stderr on stderr. Of a ' +
          'job that was tried several times it shows the last try; with --follow, also the tries that follow.',
      )
      .argument('<id>', 'the job', parseId)
      .option('-f, --follow', 'wait for the job to start, and continue until it has ended')
      .addOption(new Option('--stdout', "only the worker's stdout").conflicts('stderr'))
      .addOption(new Option('--stderr', "only the worker's stderr; it goes to stdout"))
      .option(
        '--try <number>',
        'only this try; `mayfly status` lists the tries, 1 is the first',
        wholeNumber(1),
      )
      .addOption(new Option('-t, --timestamps', 'print the time of each line').conflicts('json'))
      .option('--raw', 'print the unchanged bytes, also on a terminal')
      .option('--json', 'print JSON lines: {"at","stream","text"}, or "base64" if it is not UTF-8')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(show));
}

const NOTES = `
A file or a pipe gets the unchanged bytes of the worker. On a terminal, control
characters are made visible (\\x1b). Where bytes are missing, a message on stderr
says so; with --json: {"stream","lost": bytes}, or "beyondMaxLog" for those that
are beyond the fleet's maxLog.

Exit status: 0 if the log could be read, however the job ended. Use
\`mayfly wait\` for the end of the job.

Examples:
  mayfly logs -f j-x7c2p9q4m1ks
  mayfly logs --stdout j-x7c2p9q4m1ks > report.pdf
  mayfly logs --json j-x7c2p9q4m1ks | jq -r 'select(.stream == "stderr").text'
`;

async function show(fleet: Fleet, id: string, options: LogsOptions): Promise<void> {
  const { stdout, stderr, raw = false } = options;
  // JSON is escaped already.
  const unchanged = raw || options.json === true;
  const outlets = {
    stdout: new OutputWriter(process.stdout, unchanged),
    stderr: new OutputWriter(process.stderr, raw),
  };
  const reading = {
    ...(options.follow && { follow: true }),
    ...(options.try !== undefined && { try: options.try }),
    ...(stdout && { stream: 'stdout' as const }),
    ...(stderr && { stream: 'stderr' as const }),
  };
  const { timestamps = false, json = false } = options;
  const person = process.stderr.isTTY === true;
  const printer = new LogPrinter(outlets, { ...reading, timestamps, json, isInteractive: person });
  try {
    for await (const event of fleet.logs(id, reading)) await printer.print(event);
  } catch (error) {
    if (!(error instanceof ReaderGoneError)) throw error;
  }
}
