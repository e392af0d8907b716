import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import { parseMaxFail, parseSerial } from '../../../client/requests/amounts.ts';
import type { TargetGroup } from '../../../client/requests/types.ts';
import { SQS_MAX_DELAY_SECONDS } from '../../../lib/limits.ts';
import { CliError } from '../../error.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parsedBy, parseId, parseName, seconds, wholeNumber } from '../../options/values.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { paintFor } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { tableWidth } from '../jobs/show-jobs.ts';
import { followRequest } from './follow.ts';
import { planText } from './plan.ts';
import { readTargetList } from './read-targets.ts';
import { findRunProblem, type RunOptions, toRequestOptions } from './run-options.ts';
import { submitWithProgress } from './submit.ts';

/** `mayfly request run`: makes a request. */
export function requestRunCommand(): Command {
  const command = addPolicyOptions(addTargetOptions(new Command('run')))
    .summary('run a job for each target')
    .description(
      'Makes one job for each target and prints the id of the request. The jobs of a group run one at a time, or as many as ' +
        'the group has lanes, and the first failure stops the request, unless the options say otherwise. Options that Ansible ' +
        'has too are named as in Ansible.',
    )
    .usage('--targets <file> | --inventory <path> [options]')
    .addOption(
      new Option('--plan', 'print who runs when, in which batch and lane, and send nothing').conflicts(
        'poll',
      ),
    )
    .option('--poll <seconds>', 'show the progress, and look this often; 0: do not wait', seconds(0), 0)
    .option('--json', 'print JSON: {"id", "count", "resumed"}; with --poll the request, with --plan the plan')
    .addHelpText('after', NOTES);
  return addFleetOptions(command).action((...args: unknown[]) => {
    const [options] = args as [RunOptions];
    const problem = findRunProblem(options);
    if (problem !== undefined) command.error(`error: ${problem}`);
    return run(...args);
  });
}

function addTargetOptions(command: Command): Command {
  return command
    .option(
      '--targets <file>',
      'a target a line, or JSON: {"target", "group"?, "vars"?}; - reads standard input',
    )
    .option(
      '--inventory <path>',
      "an inventory of Ansible, whose hosts are the targets; what Ansible's -i takes",
    )
    .option('--limit <pattern>', 'only the hosts of the inventory that match, as in Ansible')
    .option(
      '--group <name>',
      'the group of all targets: a name, or family/group; default: the one a target names, or all',
    )
    .option('--group-by <variables>', 'groups are named by one or two variables of the targets: family,group')
    .option('--size <number>', 'with --targets: how many servers the group has in all', wholeNumber(1))
    .option(
      '--body <template>',
      'what each worker reads, with {{ target }} and variables in it; default: the target',
    )
    .option('--id <id>', 'the id of the request: a repeated command goes on with it', parseId)
    .option('--label <name>', 'a label of all jobs')
    .option('--async <seconds>', "how long each job may run; default: the fleet's limit", seconds(1))
    .option('--tries <number>', 'how often each job is tried; default: 1', wholeNumber(1));
}

function addPolicyOptions(command: Command): Command {
  return command
    .option(
      '--serial <list>',
      'sizes of batches: 1,5,30%; a batch begins when the one before has ended',
      parsedBy((text) => parseSerial(text)),
    )
    .option('--throttle <number>', 'how many jobs of a group run at a time, within its lanes', wholeNumber(1))
    .addOption(
      new Option(
        '--max-fail <number>',
        'stop when more than this, or than this percentage of the batch, failed; default: 0',
      )
        .argParser(parsedBy((text) => parseMaxFail(text)))
        .conflicts('keepGoing'),
    )
    .addOption(
      new Option('--any-errors-fatal', 'the first failure stops it, as by default').conflicts('keepGoing'),
    )
    .option('--keep-going', 'no failure stops it')
    .option('--pause-after <number>', 'wait after so many batches until it is resumed', wholeNumber(1))
    .option('--healthy <name>', "check each target after its job with this command of the fleet's", parseName)
    .option('--on-failure <name>', "roll a failed target back with this command of the fleet's", parseName)
    .option('--settle <seconds>', 'wait before the check', wholeNumber(0, SQS_MAX_DELAY_SECONDS))
    .option('--check-limit <seconds>', 'how long the check may take until it succeeds', seconds(1))
    .addOption(
      new Option('--stops <what>', 'what a failure stops: all groups of the request, or its group').choices([
        'request',
        'group',
      ]),
    );
}

const run = runOnFleet(async (fleet: Fleet, options: RunOptions) => {
  const { json } = options;
  const groups = await readGroups(options);
  if (options.plan) {
    const given = { ...toRequestOptions(options), ...(options.id !== undefined && { id: options.id }) };
    const plan = await fleet.requests.plan(groups, given);
    if (json) return printJson(plan);
    return print(planText(plan, paintFor(process.stdout), tableWidth()));
  }
  const requested = await submitWithProgress(options.id, (submitting) =>
    fleet.request(groups, { ...toRequestOptions(options), ...submitting }),
  );
  if (options.poll > 0) return followRequest(fleet, requested.id, { pollSeconds: options.poll, json });
  if (json) printJson(requested);
  else print(escapeLine(requested.id));
});

async function readGroups(options: RunOptions): Promise<TargetGroup[]> {
  const progress = createProgress();
  if (options.inventory !== undefined) progress.show({ text: 'reading the inventory' });
  const { groups } = await readTargetList(options, process.env).finally(() => progress.end());
  const { size } = options;
  if (size === undefined) return groups;
  if (groups.length > 1) {
    throw new CliError(`--size is of one group; the targets are in ${groups.length}.`, ExitCode.usage);
  }
  return groups.map((group) => ({ ...group, size }));
}

const NOTES = `
All targets are checked before anything is stored: none may be there twice, or
under two names in one group. Nothing runs before all jobs are written.

Batches, --throttle and --max-fail count in each group for itself. Sizes are
numbers or percentages of the group's targets in the request, by Ansible's
arithmetic: rounded down, at least one; 0 or less is all that are left. The
lanes of a group hold for all its requests together (\`mayfly group set\`).

--body has {{ target }}, {{ group }}, {{ index }}, {{ count }} and variables of
the target ({{ vars.NAME }}, {{ NAME }}), and no logic.

--poll shows for each group what is done, running, held and failed, until the
request has ended, or nothing runs and it waits for a person.

Exit status: 0; 1 if it is refused; 2 for wrong usage. With --poll: 0 if all
jobs succeeded; 1 if some failed; 122 if none failed, and it or jobs of it were
cancelled; 123 if it has not ended: it is stopped or paused.

Examples:
  mayfly request run --targets servers.txt --group shop/web --plan
  mayfly request run --inventory prod.yml --limit 'web:!web-9' \\
    --group-by family,tier --serial 1,25% --healthy http --on-failure undo \\
    --id deploy-7 --poll 5
  echo '{"target": "s1", "vars": {"zone": "a"}}' |
    mayfly request run --targets - --body 'restart {{ target }} in {{ zone }}'
`;
