import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../infra/package-files.ts';
import { cancelCommand } from './commands/cancel.ts';
import { cleanupCommand } from './commands/cleanup.ts';
import { completeWordsCommand, completionCommand } from './commands/completion.ts';
import { enqueueCommand } from './commands/enqueue.ts';
import { fleetCommand } from './commands/fleet.ts';
import { listCommand } from './commands/list.ts';
import { localCommand } from './commands/local.ts';
import { logsCommand } from './commands/logs.ts';
import { retryCommand } from './commands/retry.ts';
import { statusCommand } from './commands/status.ts';
import { waitCommand } from './commands/wait.ts';
import { escapeText } from './terminal/escape.ts';

/** The `mayfly` command with all its verbs. What runs a verb is loaded when it runs. */
export function createProgram(): Command {
  const program = new Command('mayfly')
    .description(
      'EC2 workers that scale out on an SQS queue and end themselves when there is nothing left to do: jobs are put on ' +
        'the queue, followed, stopped and cleaned up from here.',
    )
    .usage('<verb> [options]')
    .version(version(), '-V, --version', 'say which version this is')
    .helpCommand('help [verb]', 'explain a verb')
    .addHelpText('after', NOTES)
    .showHelpAfterError('Try --help.')
    .exitOverride()
    .configureOutput({
      outputError: (message, write) => write(escapeText(message.replace(/^error: /, 'mayfly: '))),
    });
  const verbs = {
    'Jobs:': [
      enqueueCommand(),
      statusCommand(),
      listCommand(),
      waitCommand(),
      logsCommand(),
      cancelCommand(),
      retryCommand(),
      cleanupCommand(),
    ],
    'The fleet:': [fleetCommand()],
    'This machine:': [localCommand(), completionCommand()],
  };
  for (const [heading, commands] of Object.entries(verbs)) {
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  }
  program.addCommand(completeWordsCommand(program), { hidden: true });
  for (const command of program.commands) inherit(command, program);
  return program;
}

function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const below of command.commands) inherit(below, command);
}

function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

const NOTES = `
Which fleet:
  With one fleet in the region nothing has to be said. Else one of these, as a flag or a variable:
    --stack NAME [--fleet NAME]   MAYFLY_STACK, MAYFLY_FLEET   the fleet of a CloudFormation stack
    --outputs FILE                MAYFLY_OUTPUTS               what \`cdk deploy --outputs-file\` left
    --queue-url, --table,         MAYFLY_QUEUE_URL, ...        its parts by their names, where nothing can be
    --log-bucket,                                              looked up: MAYFLY_TABLE, MAYFLY_LOG_BUCKET,
    --auto-scaling-group,                                      MAYFLY_GROUP,
    --dead-letter-queue-url                                    MAYFLY_DEAD_LETTER_QUEUE_URL
  Region and credentials are found as AWS's own tools find them; with the variables that \`mayfly local\` prints,
  everything here works on it as it does on AWS.

Exit status:
    0  done, or ended as asked
    1  it could not be done; the reason is on stderr
    2  wrong usage
  130  stopped by Ctrl-C
  Where a job is waited for (wait, enqueue --poll N), its own end:
       the exit status of its worker; 128 and the number of the signal that it died of
  119  skipped
  120  unknown: the fleet has no such job (also of status, cancel, retry, cleanup and logs)
  121  lost
  122  cancelled
  123  not ended yet when the waiting was given up
  124  over its time limit
  Of several jobs: 123 if one has not ended, else that of the first that did not succeed.

Output:
  Data goes to stdout, all else to stderr. --json prints one JSON document: of one job an object, of several an array;
  what comes bit by bit (enqueue of a file, logs) is one JSON object a line. Colours and progress bars are for
  terminals only (NO_COLOR=1: no colours at all).

Examples:
  mayfly enqueue --async 600 --poll 2 report-2031    run a job, watch it, exit as it does; end it after 10 minutes
  id=$(mayfly enqueue report-2031)                   only send it
  mayfly logs -f "$id"                               see what it prints
  mayfly enqueue --file jobs.txt | mayfly wait -     a job a line, all of them
  mayfly local                                       a cloud on this machine, to try all of this
`;
