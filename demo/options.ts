import { Command, InvalidArgumentError } from 'commander';

export interface DemoOptions {
  /** Whether instances are machines that boot, instead of processes. */
  machines: boolean;
  json: boolean;
  /** Port of the embedded cloud. 0 takes any free port. */
  port: number;
  /** How many times faster AWS's own periods pass. */
  speed: number;
  /** Directory for the pictures. */
  out: string;
  keep: boolean;
}

/** Parses the command line. A mistake ends the process with a message and status 1. */
export function readOptions(argv: readonly string[]): DemoOptions {
  return new Command('npm start --')
    .description('Runs a fleet that scales from zero and back to zero, on an embedded cloud on this machine.')
    .option('--machines', 'use machines that boot as instances; needs Linux and root', false)
    .option('--json', 'print the results as JSON; progress goes to standard error', false)
    .option(
      '--port <number>',
      'port of the embedded cloud on 127.0.0.1; 0: any free port',
      whole(0, 65_535),
      0,
    )
    .option('--speed <factor>', "how many times faster AWS's own periods pass", whole(1, 60), 20)
    .option('--out <directory>', 'directory for the pictures', 'out/demo')
    .option(
      '--keep',
      'keep the directory of the cloud with its log of calls and the logs of its instances',
      false,
    )
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
