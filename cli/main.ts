import { CommanderError } from 'commander';
import { FleetError, UnknownJobError, UnknownRequestError, WrongOptionError } from '../client/errors.ts';
import { CliError } from './error.ts';
import { ExitCode } from './exit-code.ts';
import { nameOptions } from './options/option-names.ts';
import { createProgram } from './program.ts';
import { escapeText } from './terminal/escape.ts';
import { say } from './terminal/say.ts';

/** The `mayfly` command. Sets the exit status; see `exit-code.ts`. */
export async function main(argv: string[]): Promise<void> {
  // A reader that closes the pipe (`| head`, `2>&1 | head`) is not an error. Further output is dropped.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Prints the message of an expected error, and returns the exit status. Throws any other error: it is a bug. */
function report(error: unknown): number {
  // commander has printed the message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  if (!(error instanceof CliError || error instanceof FleetError)) throw error;
  // Ctrl-C in `fleet --watch` has no message.
  const message = error instanceof WrongOptionError ? nameOptions(error.message) : error.message;
  if (message !== '') say(escapeText(message));
  return exitStatus(error);
}

function exitStatus(error: CliError | FleetError): number {
  if (error instanceof CliError) return error.status;
  if (error instanceof WrongOptionError) return ExitCode.usage;
  const isUnknown = error instanceof UnknownJobError || error instanceof UnknownRequestError;
  return isUnknown ? ExitCode.unknown : ExitCode.failed;
}
