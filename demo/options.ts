import { Command, InvalidArgumentError } from 'commander';

export interface DemoOptions {
  /** Instances are machines that boot, not processes. */
  machines: boolean;
  json: boolean;
  /** Of the embedded cloud; 0 takes any that is free. */
  port: number;
  /** How many times faster than AWS's own the cloud's periods pass. */
  speed: number;
  /** Where the pictures go. */
  out: string;
  keep: boolean;
}

/** Reads the command line; a mistake ends the process with a sentence and status 1, `--help` with the help. */
export function readOptions(argv: readonly string[]): DemoOptions {
  return new Command('npm start --')
    .description('A fleet from zero and back to zero, on an embedded cloud on this machine.')
    .option('--machines', 'instances are machines that boot: on Linux, as root', false)
    .option('--json', 'print what happened as JSON; progress goes to standard error', false)
    .option(
      '--port <number>',
      "the embedded cloud's port on 127.0.0.1 (0: any free one)",
      whole(0, 65_535),
      0,
    )
    .option('--speed <factor>', "how much faster AWS's own periods pass", whole(1, 60), 20)
    .option('--out <directory>', 'where the pictures go', 'out/demo')
    .option('--keep', "keep the cloud's directory: its log of calls and its instances' logs", false)
    .parse(argv, { from: 'user' })
    .opts<DemoOptions>();
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Allowed is a whole number from ${min} to ${max}.`);
  };
}
