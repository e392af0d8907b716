import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parseId } from '../../options/values.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { print, printJson } from '../../terminal/print.ts';
import { submitWithProgress } from './submit.ts';

interface RetryOptions {
  failed?: true;
  all?: true;
  id?: string;
  json?: true;
}

/** `mayfly request retry`: makes a new request of the jobs that failed. */
export function requestRetryCommand(): Command {
  return addFleetOptions(
    new Command('retry')
      .summary('make a new request of the jobs that failed')
      .description(
        'Makes a new request of the jobs that failed, with the same groups, bodies and options. Its record names the old ' +
          'one. Prints its id.',
      )
      .argument('<request>', 'the id of the request', parseId)
      .option('--failed', 'only the jobs that failed, ran over their limit or were lost; the default')
      .addOption(new Option('--all', 'those that were cancelled or skipped as well').conflicts('failed'))
      .option('--id <id>', 'the id of the new request: a repeated command makes no second one', parseId)
      .option('--json', 'print JSON: {"id", "count", "resumed"}')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

const NOTES = `
Exit status: 0; 1 if no job failed, or if a body is not stored any more; 120 if
there is no such request.

Examples:
  mayfly request retry deploy-7
  mayfly request retry deploy-7 --all --id deploy-7b
  mayfly request wait "$(mayfly request retry deploy-7)"
`;

async function run(fleet: Fleet, request: string, { all, id, json }: RetryOptions): Promise<void> {
  const requested = await submitWithProgress(id, (submitting) =>
    fleet.requests.retry(request, { all: all ?? false, ...submitting }),
  );
  if (json) printJson(requested);
  else print(escapeLine(requested.id));
}
