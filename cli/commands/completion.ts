import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { packageRoot } from '../../infra/package-files.ts';
import { complete } from '../complete.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `mayfly completion SHELL`: prints what the shell has to load. */
export function completionCommand(): Command {
  return new Command('completion')
    .summary('print what a shell needs to complete this command')
    .description(
      'Prints a script that completes verbs, options, their values and names of files, for a shell to load.',
    )
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: (typeof SHELLS)[number]) => {
      process.stdout.write(readFileSync(join(packageRoot, 'bin/completion', `mayfly.${shell}`)));
    });
}

const EXAMPLES = `
Examples, each with the file where it stays:
  echo 'source <(mayfly completion bash)' >> ~/.bashrc
  echo 'source <(mayfly completion zsh)' >> ~/.zshrc     after compinit
  mayfly completion fish > ~/.config/fish/completions/mayfly.fish
`;

/** `mayfly complete-words -- WORD...`: what these scripts ask. */
export function completeWordsCommand(program: Command): Command {
  return new Command('complete-words')
    .argument('[words...]')
    .allowUnknownOption()
    .action((words: string[]) => {
      const { candidates, files } = complete(program, words);
      for (const { value, description } of candidates) process.stdout.write(`${value}\t${description}\n`);
      if (files) process.stdout.write(':files\n');
    });
}
