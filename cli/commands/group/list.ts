import { Command } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import type { GroupView } from '../../../client/requests/types.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { formatTable } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { type Paint, paintFor } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { tableWidth } from '../jobs/show-jobs.ts';
import { haltText, lanesText } from './words.ts';

/** `mayfly group list`: lists the groups that are in use. */
export function groupListCommand(): Command {
  return addFleetOptions(
    new Command('list')
      .summary('list the groups that are in use')
      .description('Lists the groups that have running or held jobs, or are stopped or paused, by name.')
      .option('--json', 'print a JSON array')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

const NOTES = `
running: jobs that have a lane. held: jobs that wait for one.

Examples:
  mayfly group list
  mayfly group list --json | jq -r '.[] | select(.stopped).name'
`;

async function run(fleet: Fleet, { json }: { json?: true }): Promise<void> {
  const groups = await fleet.groups.list();
  if (json) return printJson(groups);
  if (groups.length === 0) return say('no group is in use.');
  print(formatTable(HEAD, groups.map(row(paintFor(process.stdout))), tableWidth()));
}

const HEAD = ['group', 'lanes', 'running', 'held', 'requests', 'state'];

function row(paint: Paint): (group: GroupView) => string[] {
  return (group) => [
    escapeLine(group.name),
    lanesText(group),
    String(group.running.length),
    String(group.held),
    group.requests
      .map(({ id, state }) => `${escapeLine(id)}${state === 'open' ? '' : ` (${state})`}`)
      .join(', '),
    haltText(group, paint),
  ];
}
