import { type Command, Option } from 'commander';
import { groupRefusal } from '../../client/group-refusal.ts';

/** Makes the command refuse `--group` and name `--label` instead. The word is reserved for mutual exclusion of jobs. */
export function refuseGroupOption(command: Command): Command {
  return command.addOption(new Option('--group [name]').hideHelp()).hook('preAction', () => {
    if (command.getOptionValue('group') === undefined) return;
    command.error(`error: ${groupRefusal('--group', '--label <name>')}`);
  });
}
