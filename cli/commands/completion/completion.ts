import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { packageRoot } from '../../../lib/package-files.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { type Candidate, complete } from './complete.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `mayfly completion SHELL`: prints the script that the shell loads. */
export function completionCommand(): Command {
  return new Command('completion')
    .summary('print a completion script for a shell')
    .description(
      'Prints a script that a shell loads to complete verbs, options, values and file names. It also completes ids of ' +
        'jobs, requests and instances, and names of groups, stacks and fleets, if AWS answers within two seconds.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: (typeof SHELLS)[number]) => {
      process.stdout.write(readFileSync(join(packageRoot, 'bin/completion', `mayfly.${shell}`)));
    });
}

const EXAMPLES = `
Examples, for the start-up file of each shell:
  echo 'source <(mayfly completion bash)' >> ~/.bashrc
  echo 'source <(mayfly completion zsh)' >> ~/.zshrc     after compinit
  mayfly completion fish > ~/.config/fish/completions/mayfly.fish
`;

/** The longest time for which a prompt may hang. */
const TIMEOUT_SECONDS = 2;

/** `mayfly complete-words -- WORD...`: the scripts call it. */
export function completeWordsCommand(program: Command): Command {
  return new Command('complete-words')
    .argument('[words...]')
    .option('--timeout <seconds>', 'how long to wait for AWS', Number, TIMEOUT_SECONDS)
    .allowUnknownOption()
    .action(async (words: string[], { timeout }: { timeout: number }) => {
      const { candidates, files, lookUp } = complete(program, words);
      print(candidates);
      if (files) process.stdout.write(':files\n');
      if (!lookUp) return;
      const { lookUpCandidates } = await import('./look-up.ts');
      print(await lookUpCandidates(lookUp, timeout));
      // A call without an answer must not keep the process running.
      process.stdout.write('', () => process.exit());
    });
}

/** Leaves out candidates with blanks or control characters. */
function print(candidates: readonly Candidate[]): void {
  for (const { value, description } of candidates) {
    if (/^\S+$/.test(value) && escapeLine(value) === value) {
      process.stdout.write(`${value}\t${escapeLine(description)}\n`);
    }
  }
}
