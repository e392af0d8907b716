import { Command } from 'commander';

/**
 * `mayfly help`, and that of a verb with others below it: commander's own shows the whole help for a verb that is not
 * there.
 */
export function helpCommand(): Command {
  return new Command('help')
    .description('explain a verb')
    .argument('[verb...]', 'which one; without it all are listed')
    .addHelpText('after', EXAMPLES)
    .action((words: string[], _options: object, { parent }: Command) => {
      if (parent) explain(parent, words);
    });
}

/** Ends the program as `--help` does. */
function explain(command: Command, [verb, ...below]: string[]): void {
  const found = command.commands.find((one) => one.name() === verb);
  if (found) explain(found, below);
  else if (verb === undefined || command.commands.length === 0) command.help();
  // Is refused as any verb that is not there, with the one that is near it.
  else command.parse([verb], { from: 'user' });
}

const EXAMPLES = `
Examples:
  mayfly help enqueue
  mayfly help dlq redrive
`;
