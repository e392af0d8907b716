import { CommanderError } from 'commander';
import { ExitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { FleetError, UnknownJob, WrongOption } from '../client/errors.ts';
import { createProgram } from './program.ts';
import { escapeText } from './terminal/escape.ts';
import { say } from './terminal/say.ts';

/** The `mayfly` command. Sets the exit status; see `exit-code.ts`. */
export async function main(argv: string[]): Promise<void> {
  // A reader that has seen enough (`| head`, `2>&1 | head`) is no failure; what it does not read is not written.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Tells a person what went wrong, in a sentence. Throws what is a defect of ours. */
function report(error: unknown): number {
  // commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  if (!(error instanceof Failure || error instanceof FleetError)) throw error;
  // A farewell has nothing to say where nothing goes on.
  if (error.message !== '') say(escapeText(error.message));
  return statusOf(error);
}

function statusOf(error: Failure | FleetError): number {
  if (error instanceof Failure) return error.status;
  if (error instanceof WrongOption) return ExitCode.usage;
  return error instanceof UnknownJob ? ExitCode.unknown : ExitCode.failed;
}
