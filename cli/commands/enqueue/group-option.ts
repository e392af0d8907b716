import { type Command, Option } from 'commander';
import { noGroups } from '../../../client/no-groups.ts';

/** Has the command refuse `--group` with what to write instead: it was once what `--label` is. */
export function refusingGroup(command: Command): Command {
  return command.addOption(new Option('--group [name]').hideHelp()).hook('preAction', () => {
    if (command.getOptionValue('group') === undefined) return;
    command.error(`error: ${noGroups('--group', '--label <name>')}`);
  });
}
