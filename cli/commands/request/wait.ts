import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parseId, seconds } from '../../options/values.ts';
import { followRequest } from './follow.ts';

interface WaitOptions {
  timeout?: number;
  poll: number;
  progress: 'text' | 'json';
  json?: true;
}

/** `mayfly request wait`: shows the progress of a request until it has ended or waits for a person. */
export function requestWaitCommand(): Command {
  return addFleetOptions(
    new Command('wait')
      .summary('wait until a request has ended, or waits for a person')
      .description(
        'Shows the progress of a request until all of its jobs have ended, or until nothing of it runs and it waits for a ' +
          'person, because it or a group is stopped or paused. Then it shows the request.',
      )
      .argument('<request>', 'the id of the request', parseId)
      .option('--timeout <seconds>', 'give up after this time; default: never', seconds(0))
      .option('--poll <seconds>', 'look this often', seconds(0.1), 5)
      .addOption(
        new Option(
          '--progress <kind>',
          'the format of the progress on stderr; json: a line of JSON each time',
        )
          .choices(['text', 'json'])
          .default('text'),
      )
      .option('--json', 'print the request as JSON')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

async function run(fleet: Fleet, id: string, options: WaitOptions): Promise<void> {
  const { timeout, poll, progress, json } = options;
  await followRequest(fleet, id, { pollSeconds: poll, timeoutSeconds: timeout, progress, json });
}

const NOTES = `
Exit status: 0 if all jobs succeeded; 1 if some failed; 122 if none failed, and
it or jobs of it were cancelled; 123 if it has not ended: it is stopped or
paused, or the time to wait was over; 120 if there is no such request. Ctrl-C
stops the waiting, not the request.

--progress json prints waitedSeconds, the state, and numbers of jobs: total,
succeeded, failed, cancelled, running, held.

Examples:
  mayfly request wait deploy-7 && echo deployed
  mayfly request wait deploy-7 --timeout 3600 --json
`;
