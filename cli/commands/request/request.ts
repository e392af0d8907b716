import { Command } from 'commander';
import { addFleetOptionsBeforeVerb } from '../../options/fleet-options.ts';
import { helpCommand } from '../help.ts';
import { requestCancelCommand, requestPauseCommand, requestResumeCommand } from './change.ts';
import { requestListCommand } from './list.ts';
import { requestRetryCommand } from './retry.ts';
import { requestRunCommand } from './run.ts';
import { requestShowCommand } from './show.ts';
import { requestWaitCommand } from './wait.ts';

/** `mayfly request`: one call that becomes one job for each target. */
export function requestCommand(): Command {
  return addFleetOptionsBeforeVerb(new Command('request'))
    .summary('run a job for each of many targets, group by group; follow, stop, repeat it')
    .description(
      'Makes requests and follows them. A request becomes one job for each of its targets, such as servers. Of the jobs of a ' +
        'group only as many run at the same time as it has lanes, whatever the number of requests.',
    )
    .usage('<verb> [options]')
    .addCommand(requestRunCommand())
    .addCommand(requestListCommand())
    .addCommand(requestShowCommand())
    .addCommand(requestWaitCommand())
    .addCommand(requestPauseCommand())
    .addCommand(requestResumeCommand())
    .addCommand(requestCancelCommand())
    .addCommand(requestRetryCommand())
    .addCommand(helpCommand())
    .addHelpText('after', NOTES);
}

const NOTES = `
Examples:
  mayfly request run --inventory prod.yml --group-by family,tier --plan
  mayfly request run --targets servers.txt --group shop/web --poll 5
  mayfly request show deploy-7
  mayfly request resume deploy-7
`;
