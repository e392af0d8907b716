import { Command, InvalidArgumentError } from 'commander';

export interface FirstRunOptions {
  /** Whether to use the embedded cloud instead of an account. */
  local: boolean;
  /** How many times faster AWS's own periods pass on the embedded cloud. */
  speed: number;
  /** Whether to begin without asking. */
  yes: boolean;
  keep: boolean;
  json: boolean;
  /** Directory for the evidence after a failure. */
  out: string;
}

/** Parses the command line. A mistake ends the process with a message and status 1. */
export function readOptions(argv: readonly string[]): FirstRunOptions {
  return new Command('npm run test:aws --')
    .description(
      'Makes ten checks of a fleet on the account and in the region of your environment: docs/first-run.md. It deploys its ' +
        'own stack, runs jobs, and deletes the stack.',
    )
    .option('--local', 'use an embedded cloud on this machine, as a dry run', false)
    .option('--speed <factor>', "with --local: how many times faster AWS's own periods pass", speed, 60)
    .option('--yes', 'do not ask before creating what costs money', false)
    .option('--keep', 'do not delete the stack if a check has failed', false)
    .option('--json', 'print the results as JSON; progress goes to standard error', false)
    .option(
      '--out <directory>',
      'directory for the output of doctor and fleet and the logs of instances if a check fails',
      'out/first-run',
    )
    .parse(argv, { from: 'user' })
    .opts<FirstRunOptions>();
}

function speed(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 60) return value;
  throw new InvalidArgumentError('Allowed is a whole number from 1 to 60.');
}
