import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { givenIds } from './ids.ts';
import { seconds, someIds, whole } from '../values.ts';
import { waitFor } from './wait-for.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

interface WaitOptions {
  timeout?: number;
  retries?: number;
  delay?: number;
  poll: number;
  progress: 'text' | 'json';
  json?: true;
}

/** Ansible's default, of `until` loops. */
const DELAY_SECONDS = 5;

/** `mayfly wait`: until jobs have ended; exits as they did. */
export function waitCommand(): Command {
  const command = withFleet(
    new Command('wait')
      .summary('wait until jobs have ended, and exit as they did')
      .description(
        'Waits until all of these jobs have ended, shows what became of them, and exits as they did.',
      )
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', someIds)
      .option('--timeout <seconds>', 'give up after this time; default: never', seconds(0))
      .addOption(
        new Option(
          '--retries <number>',
          'give up after so many times --delay, as an `until` loop of Ansible does',
        )
          .argParser(whole(0))
          .conflicts('timeout'),
      )
      .addOption(
        new Option(
          '--delay <seconds>',
          `with --retries: how often it is looked, at the least; default: ${DELAY_SECONDS}`,
        )
          .argParser(seconds(0.1))
          .conflicts(['timeout', 'poll']),
      )
      .option('--poll <seconds>', 'how often it is looked, at the least', seconds(0.1), DELAY_SECONDS)
      .addOption(
        new Option('--progress <kind>', 'how stderr tells what goes on; json: each look in a line of JSON')
          .choices(['text', 'json'])
          .default('text'),
      )
      .option('--json', 'print JSON: of one job an object, of several an array')
      .addHelpText('after', NOTES),
  );
  return command.action((...words: unknown[]) => {
    const [, { delay, retries }] = words as [string[], WaitOptions];
    if (delay !== undefined && retries === undefined) {
      command.error('error: --delay is for --retries <number>; without that it is --poll <seconds>.');
    }
    return run(...words);
  });
}

const run = onFleet(async (fleet: Fleet, words: string[], options: WaitOptions) => {
  const { timeout, retries, delay = DELAY_SECONDS, poll, progress, json = false } = options;
  const { ids, single } = await givenIds(words);
  const limit = retries === undefined ? timeout : retries * delay;
  await waitFor(fleet, ids, {
    pollSeconds: retries === undefined ? poll : delay,
    json,
    single,
    progress,
    ...(limit !== undefined && { timeoutSeconds: limit }),
  });
});

const NOTES = `
Exit status: 0 if the job succeeded, else its worker's own, or 128 and the
number of the signal that it died of; 124 over its time limit, 122 cancelled,
121 lost, 120 unknown, 123 not ended yet when the waiting was given up. Of
several: 123 if one has not ended, else that of the first that did not succeed.

An unknown id is not waited for; but with --timeout or --retries one that begins
with m- is: that is a message of another producer, which no agent may have seen
yet. Ctrl-C ends the waiting, not the jobs.

--progress json: waitedSeconds, and how many jobs there are (total), have ended,
did so without success (failed), run, and wait to be tried again (retrying).

If none runs for half a minute, stderr says what the first of them waits for, as
status does. That is a dozen calls, each half minute.

Examples:
  mayfly wait j-8w3m0c5vkq1z && echo it went well
  mayfly wait --timeout 600 j-8w3m0c5vkq1z j-2p9dqk4xw7ab
  mayfly enqueue --file jobs.txt | mayfly wait -
  mayfly wait --retries 30 --delay 10 j-8w3m0c5vkq1z     as Ansible would
`;
