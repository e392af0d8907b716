import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { readJobIds } from '../../options/job-ids.ts';
import { parseIds, seconds, wholeNumber } from '../../options/values.ts';
import { waitAndShow } from './wait-for.ts';

interface WaitOptions {
  timeout?: number;
  retries?: number;
  delay?: number;
  poll: number;
  progress: 'text' | 'json';
  json?: true;
}

/** The default of Ansible's `until` loops. */
const DELAY_SECONDS = 5;

/** `mayfly wait`: waits until jobs have ended, and exits as they did. */
export function waitCommand(): Command {
  const command = addFleetOptions(
    new Command('wait')
      .summary('wait until jobs have ended, and exit as they did')
      .description('Waits until all these jobs have ended, shows their results, and exits as they did.')
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', parseIds)
      .option('--timeout <seconds>', 'give up after this time; default: never', seconds(0))
      .addOption(
        new Option(
          '--retries <number>',
          'give up after this number of --delay periods, as an `until` loop of Ansible does',
        )
          .argParser(wholeNumber(0))
          .conflicts('timeout'),
      )
      .addOption(
        new Option(
          '--delay <seconds>',
          `with --retries: check the jobs at least this often; default: ${DELAY_SECONDS}`,
        )
          .argParser(seconds(0.1))
          .conflicts(['timeout', 'poll']),
      )
      .option('--poll <seconds>', 'check the jobs at least this often', seconds(0.1), DELAY_SECONDS)
      .addOption(
        new Option(
          '--progress <kind>',
          'the format of the progress on stderr; json: a line of JSON each time',
        )
          .choices(['text', 'json'])
          .default('text'),
      )
      .option('--json', 'print JSON: an object for one job, an array for several')
      .addHelpText('after', NOTES),
  );
  return command.action((...args: unknown[]) => {
    const [, { delay, retries }] = args as [string[], WaitOptions];
    if (delay !== undefined && retries === undefined) {
      command.error('error: --delay needs --retries <number>. Without --retries use --poll <seconds>.');
    }
    return run(...args);
  });
}

const run = runOnFleet(async (fleet: Fleet, args: string[], options: WaitOptions) => {
  const { timeout, retries, delay = DELAY_SECONDS, poll, progress, json = false } = options;
  const { ids, single } = await readJobIds(args);
  const limit = retries === undefined ? timeout : retries * delay;
  await waitAndShow(fleet, ids, {
    pollSeconds: retries === undefined ? poll : delay,
    json,
    single,
    progress,
    ...(limit !== undefined && { timeoutSeconds: limit }),
  });
});

const NOTES = `
Exit status: 0 if the job succeeded, else that of its worker, or 128 plus the
number of a signal that killed it; 124 over its time limit, 122 cancelled, 121
lost, 120 unknown, 123 if it had not ended when the time to wait was over. For
several jobs: 123 if one has not ended, else the status of the first job that
did not succeed.

It does not wait for an unknown id, except with --timeout or --retries for one
that begins with m-: a message of another producer, which may not have been
received yet. Ctrl-C stops the waiting, not the jobs.

--progress json prints waitedSeconds and numbers of jobs: total, ended, failed
(ended without success), running, and retrying (they wait for their next try).

If no job runs for half a minute, stderr says what the first of them waits for,
as status does. This takes a dozen calls every half minute.

Examples:
  mayfly wait j-8w3m0c5vkq1z && echo succeeded
  mayfly wait --timeout 600 j-8w3m0c5vkq1z j-2p9dqk4xw7ab
  mayfly enqueue --file jobs.txt | mayfly wait -
  mayfly wait --retries 30 --delay 10 j-8w3m0c5vkq1z     as in Ansible
`;
