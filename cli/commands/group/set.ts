import { Command } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import type { GroupSettings } from '../../../client/groups/options.ts';
import { MOST_LANES, parseLanes } from '../../../client/requests/amounts.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parsedBy, parseName, wholeNumber } from '../../options/values.ts';
import { showGroup } from './show.ts';

interface SetOptions extends GroupSettings {
  json?: true;
}

/** `mayfly group set`: sets the lanes and the size of a group. */
export function groupSetCommand(): Command {
  const command = addFleetOptions(
    new Command('set')
      .summary('set the lanes of a group')
      .description(
        'Sets how many jobs of a group run at the same time. The new number holds from the next release on: no running job ' +
          'is stopped.',
      )
      .argument('<group>', 'the name of the group', parseName)
      .option(
        '--lanes <number>',
        'a number, or a percentage of its size such as 10%, which rounds down to at least one',
        parsedBy((text) => parseLanes(text, MOST_LANES)),
      )
      .option('--size <number>', 'how many targets the group has in all', wholeNumber(1))
      .option('--json', 'print the group as JSON')
      .addHelpText('after', NOTES),
  );
  return command.action((...args: unknown[]) => {
    const [, { lanes, size }] = args as [string, SetOptions];
    if (lanes === undefined && size === undefined) command.error('error: Give --lanes, --size or both.');
    return run(...args);
  });
}

const run = runOnFleet(async (fleet: Fleet, name: string, { json, ...settings }: SetOptions) => {
  const { lanes, size } = settings;
  const group = await fleet.groups.set(name, {
    ...(lanes !== undefined && { lanes }),
    ...(size !== undefined && { size }),
  });
  showGroup(group, fleet.context.clock.now(), json);
});

const NOTES = `
A request states the size of its groups, from the whole inventory. A percentage
needs a size, from a request or from --size. The fleet's owner sets the most
lanes that a group may have.

Exit status: 0; 1 if the fleet refuses it; 2 for a value that is not allowed.

Examples:
  mayfly group set shop/web --lanes 2
  mayfly group set shop/web --lanes 10% --size 40
`;
