import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../infra/bundle/package-files.ts';
import { cancelCommand } from './commands/jobs/cancel.ts';
import { cleanupCommand } from './commands/jobs/cleanup.ts';
import { completeWordsCommand, completionCommand } from './commands/completion/completion.ts';
import { dlqCommand } from './commands/dlq/dlq.ts';
import { doctorCommand } from './commands/fleet/doctor.ts';
import { enqueueCommand } from './commands/enqueue/enqueue.ts';
import { fleetCommand } from './commands/fleet/fleet.ts';
import { helpCommand } from './commands/help.ts';
import { listCommand } from './commands/jobs/list.ts';
import { localCommand } from './commands/local/local.ts';
import { logsCommand } from './commands/logs/logs.ts';
import { retryCommand } from './commands/jobs/retry.ts';
import { statusCommand } from './commands/jobs/status.ts';
import { waitCommand } from './commands/jobs/wait.ts';
import { withFleetBefore } from './commands/with-fleet.ts';
import { escapeText } from './terminal/escape.ts';
import { inLines } from './terminal/say.ts';

/** The `mayfly` command with all its verbs. What runs a verb is loaded when it runs. */
export function createProgram(): Command {
  const program = withFleetBefore(new Command('mayfly'))
    .description(
      'EC2 workers that scale out on an SQS queue and end themselves when there is nothing left to do: jobs are put on ' +
        'the queue, followed, stopped and cleaned up from here.',
    )
    .usage('<verb> [options]')
    .version(version(), '-V, --version', 'say which version this is')
    .addHelpText('after', NOTES)
    .showHelpAfterError('Try --help.')
    .exitOverride()
    .configureOutput({
      outputError: (message, write) => {
        const said = message.replace(/^error: unknown command/, 'error: unknown verb');
        write(inLines(escapeText(said.replace(/^error: /, 'mayfly: ')), process.stderr));
      },
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
    'The fleet:': [dlqCommand(), fleetCommand(), doctorCommand()],
    'This machine:': [localCommand(), completionCommand()],
  };
  for (const [heading, commands] of Object.entries(verbs)) {
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  }
  program.addCommand(helpCommand());
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
  With one fleet in the region nothing has to be said. Else one of these, as a
  flag before or behind the verb, or as a variable:
    --stack <name>            MAYFLY_STACK      its CloudFormation stack
    --fleet <name>            MAYFLY_FLEET      its name, if that has several
    --outputs <file>          MAYFLY_OUTPUTS    of \`cdk deploy --outputs-file\`
  or all of these, where nothing can be looked up:
    --queue-url <url>         MAYFLY_QUEUE_URL
    --table <name>            MAYFLY_TABLE
    --log-bucket <name>       MAYFLY_LOG_BUCKET
    --auto-scaling-group <name>                 MAYFLY_AUTO_SCALING_GROUP
    --dead-letter-queue-url <url>               MAYFLY_DEAD_LETTER_QUEUE_URL
  Region and credentials are found as AWS's own tools find them. With the
  variables that \`mayfly local\` prints, all of this works there as on AWS.

Exit status:
    0  done, or ended as asked
    1  it could not be done; the reason is on stderr
    2  wrong usage
  130  stopped by Ctrl-C
  Where jobs are waited for (wait, enqueue --poll), their own end:
       the worker's exit status; 128 and the number of the signal it died of
  119  skipped
  120  unknown: the fleet has no such job (not only where it is waited for)
  121  lost
  122  cancelled
  123  not ended yet when the waiting was given up
  124  over its time limit
  Of several jobs: 123 if one has not ended, else that of the first that did
  not succeed.

Output:
  Data goes to stdout, all else to stderr. --json prints one JSON document, of
  one job an object, of several an array; what comes bit by bit (enqueue of a
  file, logs, dlq redrive, fleet --watch) is one JSON object a line. Colours and
  progress bars are for terminals only, colours not with NO_COLOR=1.

Examples:
  mayfly enqueue --async 600 --poll 2 report-2031
      runs a job, shows progress, exits as it does; ends it after 10 minutes
  id=$(mayfly enqueue report-2031)
      only sends it
  mayfly logs -f "$id"
      shows what it prints
  mayfly enqueue --file jobs.txt | mayfly wait -
      a job a line, all of them
  mayfly local
      a cloud on this machine, to try all of this
`;
