import { Command } from 'commander';
import { addFleetOptionsBeforeVerb } from '../../options/fleet-options.ts';
import { helpCommand } from '../help.ts';
import { groupFreeCommand, groupPauseCommand, groupResumeCommand } from './change.ts';
import { groupListCommand } from './list.ts';
import { groupSetCommand } from './set.ts';
import { groupShowCommand } from './show.ts';

/** `mayfly group`: the groups of a fleet, whose jobs do not all run at once. */
export function groupCommand(): Command {
  return addFleetOptionsBeforeVerb(new Command('group'))
    .summary('show groups, set their lanes, pause, resume and free them')
    .description(
      'Shows groups and changes them. Of the jobs of a group only as many run at the same time as it has lanes: one, ' +
        "unless its owner or the fleet's props say otherwise. A group exists from its first job on.",
    )
    .usage('<verb> [options]')
    .addCommand(groupListCommand())
    .addCommand(groupShowCommand())
    .addCommand(groupSetCommand())
    .addCommand(groupPauseCommand())
    .addCommand(groupResumeCommand())
    .addCommand(groupFreeCommand())
    .addCommand(helpCommand())
    .addHelpText('after', NOTES);
}

const NOTES = `
Examples:
  mayfly group list
  mayfly group show shop/web
  mayfly group set shop/web --lanes 10% --size 40
  mayfly group pause shop/web
`;
