import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { packageRoot } from '../infra/package-files.ts';
import { localCommand } from './commands/local.ts';
import { ExitCode } from './exit-code.ts';
import { Failure } from './failure.ts';

/** The `mayfly` command. Sets the exit status; see `exit-code.ts`. */
export async function main(argv: string[]): Promise<void> {
  const program = new Command('mayfly')
    .description(
      'EC2 workers that scale out on an SQS queue and end themselves when there is nothing left to do.',
    )
    .version(version(), '-V, --version', 'say which version this is')
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('Try --help.')
    .exitOverride()
    .configureOutput({ outputError: (message, write) => write(message.replace(/^error: /, 'mayfly: ')) })
    .addCommand(localCommand());
  // A reader that has seen enough (`| head`) is no failure; what it does not read is not written.
  process.stdout.on('error', () => {});
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = statusOf(error);
  }
}

function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

const EXIT_CODES = `
Exit status:
  ${ExitCode.done}  done, or ended as asked
  ${ExitCode.failed}  it could not be done; the reason is on stderr
  ${ExitCode.usage}  wrong usage

An example:
  npx mayfly local            a cloud on this machine, in one shell
  npx cdk deploy              in another, with the variables set that the first one printed
`;

function statusOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`mayfly: ${error.message}\n`);
  return ExitCode.failed;
}
