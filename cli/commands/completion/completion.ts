import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { packageRoot } from '../../../infra/bundle/package-files.ts';
import { type Candidate, complete } from './complete.ts';
import { escapeLine } from '../../terminal/escape.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `mayfly completion SHELL`: prints what the shell has to load. */
export function completionCommand(): Command {
  return new Command('completion')
    .summary('print what a shell needs to complete this command')
    .description(
      'Prints a script that completes verbs, options, their values and names of files, for a shell to load; and ids of ' +
        "jobs and instances, stacks and fleets, with AWS's answer: if that takes longer than two seconds, without.",
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

/** Nobody waits for longer at a prompt. */
const TIMEOUT_SECONDS = 2;

/** `mayfly complete-words -- WORD...`: what these scripts ask. */
export function completeWordsCommand(program: Command): Command {
  return new Command('complete-words')
    .argument('[words...]')
    .option('--timeout <seconds>', 'how long AWS may take to answer', Number, TIMEOUT_SECONDS)
    .allowUnknownOption()
    .action(async (words: string[], { timeout }: { timeout: number }) => {
      const { candidates, files, wanted } = complete(program, words);
      print(candidates);
      if (files) process.stdout.write(':files\n');
      if (!wanted) return;
      const { lookUp } = await import('../../look-up.ts');
      print(await lookUp(wanted, timeout));
      // A call that had no answer in time must not keep the shell waiting.
      process.stdout.write('', () => process.exit());
    });
}

/** What could be more than a word, or be obeyed by a terminal, is no candidate. */
function print(candidates: readonly Candidate[]): void {
  for (const { value, description } of candidates) {
    if (/^\S+$/.test(value) && escapeLine(value) === value) {
      process.stdout.write(`${value}\t${escapeLine(description)}\n`);
    }
  }
}
