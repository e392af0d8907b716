import { Command } from 'commander';

/**
 * `mayfly help`, and the help of a verb that has verbs below it. The help command of commander shows the whole help for an
 * unknown verb.
 */
export function helpCommand(): Command {
  return new Command('help')
    .description('explain a verb')
    .argument('[verb...]', 'the verb; without it, all verbs are listed')
    .addHelpText('after', EXAMPLES)
    .action((verbs: string[], _options: object, { parent }: Command) => {
      if (parent) explain(parent, verbs);
    });
}

/** Prints the help and ends the program, as `--help` does. */
function explain(command: Command, [verb, ...below]: string[]): void {
  const found = command.commands.find((one) => one.name() === verb);
  if (found) explain(found, below);
  else if (verb === undefined || command.commands.length === 0) command.help();
  // commander refuses the unknown verb and suggests a similar one.
  else command.parse([verb], { from: 'user' });
}

const EXAMPLES = `
Examples:
  mayfly help enqueue
  mayfly help dlq redrive
`;
