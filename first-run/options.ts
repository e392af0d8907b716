import { Command, InvalidArgumentError } from 'commander';

export interface FirstRunOptions {
  /** On the embedded cloud instead of an account. */
  local: boolean;
  /** Of the embedded cloud: how many times faster than AWS's own its periods pass. */
  speed: number;
  /** Nobody is asked. */
  yes: boolean;
  keep: boolean;
  json: boolean;
  /** Where what is known of a failure goes. */
  out: string;
}

/** Reads the command line; a mistake ends the process with a sentence and status 1, `--help` with the help. */
export function readOptions(argv: readonly string[]): FirstRunOptions {
  return new Command('npm run test:aws --')
    .description(
      'Ten checks of a fleet on the account and in the region that your environment names: docs/first-run.md. It deploys a ' +
        'stack of its own, runs jobs, and deletes the stack.',
    )
    .option('--local', 'a dry run, on an embedded cloud on this machine', false)
    .option('--speed <factor>', "of the embedded cloud: how much faster AWS's own periods pass", speed, 60)
    .option('--yes', 'do not ask before something is made that costs money', false)
    .option('--keep', 'do not delete the stack if a check has failed', false)
    .option('--json', 'print what came as JSON; progress goes to standard error', false)
    .option(
      '--out <directory>',
      'where doctor, fleet and the logs of instances go if a check fails',
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
