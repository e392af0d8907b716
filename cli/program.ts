import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../lib/package-files.ts';
import { completeWordsCommand, completionCommand } from './commands/completion/completion.ts';
import { dlqCommand } from './commands/dlq/dlq.ts';
import { enqueueCommand } from './commands/enqueue/enqueue.ts';
import { doctorCommand } from './commands/fleet/doctor.ts';
import { fleetCommand } from './commands/fleet/fleet.ts';
import { groupCommand } from './commands/group/group.ts';
import { helpCommand } from './commands/help.ts';
import { cancelCommand } from './commands/jobs/cancel.ts';
import { cleanupCommand } from './commands/jobs/cleanup.ts';
import { listCommand } from './commands/jobs/list.ts';
import { retryCommand } from './commands/jobs/retry.ts';
import { statusCommand } from './commands/jobs/status.ts';
import { waitCommand } from './commands/jobs/wait.ts';
import { localCommand } from './commands/local/local.ts';
import { logsCommand } from './commands/logs/logs.ts';
import { requestCommand } from './commands/request/request.ts';
import { addFleetOptionsBeforeVerb } from './options/fleet-options.ts';
import { escapeText } from './terminal/escape.ts';
import { wrapLines } from './terminal/say.ts';

/** The `mayfly` command with all its verbs. The client library is loaded when a verb runs. */
export function createProgram(): Command {
  const program = addFleetOptionsBeforeVerb(new Command('mayfly'))
    .description(
      'Runs jobs on EC2 instances that scale out on an SQS queue and terminate themselves when there is nothing left to ' +
        'do. This command enqueues, follows, cancels and cleans up jobs.',
    )
    .usage('<verb> [options]')
    .version(version(), '-V, --version', 'print the version')
    .addHelpText('after', NOTES)
    .showHelpAfterError('Try --help.')
    .exitOverride()
    .configureOutput({
      outputError: (message, write) => {
        const renamed = message.replace(/^error: unknown command/, 'error: unknown verb');
        write(wrapLines(escapeText(renamed.replace(/^error: /, 'mayfly: ')), process.stderr));
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
    'Many targets:': [requestCommand(), groupCommand()],
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
  If there is one fleet in the region, you need not name it. Otherwise use one
  of these, as a flag before or after the verb, or as a variable:
    --stack <name>            MAYFLY_STACK      its CloudFormation stack
    --fleet <name>            MAYFLY_FLEET      its name, if a stack has several
    --outputs <file>          MAYFLY_OUTPUTS    of \`cdk deploy --outputs-file\`
  or all of these, if the fleet cannot be looked up:
    --queue-url <url>         MAYFLY_QUEUE_URL
    --table <name>            MAYFLY_TABLE
    --log-bucket <name>       MAYFLY_LOG_BUCKET
    --auto-scaling-group <name>                 MAYFLY_AUTO_SCALING_GROUP
    --dead-letter-queue-url <url>               MAYFLY_DEAD_LETTER_QUEUE_URL
  The region and the credentials are found as the AWS CLI finds them. With the
  variables that \`mayfly local\` prints, the command uses the embedded cloud.

Exit status:
    0  success
    1  failure; the reason is on stderr
    2  wrong usage
  130  stopped by Ctrl-C
  Commands that wait for a job (wait, enqueue --poll) exit as the job did:
       the worker's exit status; 128 plus the number of a signal that killed it
  119  skipped
  120  unknown: the fleet has no such job (also for commands that do not wait)
  121  lost
  122  cancelled
  123  not ended when the time to wait was over
  124  over its time limit
  For several jobs: 123 if one has not ended, else the status of the first job
  that did not succeed. For a request (request wait, request run --poll): 1 if
  jobs failed, 122 if it was cancelled, 123 if it is stopped or paused.

Output:
  Data goes to stdout, everything else to stderr. --json prints one JSON
  document: an object for one job, an array for several. Output that comes bit
  by bit (enqueue of a file, logs, dlq redrive, fleet --watch) is one JSON
  object a line. Colours and progress bars appear on terminals only. NO_COLOR=1
  turns the colours off.

Examples:
  mayfly enqueue --async 600 --poll 2 report-2031
      runs a job with a limit of 10 minutes, and exits as the job does
  id=$(mayfly enqueue report-2031)
      enqueues it and returns
  mayfly logs -f "$id"
      shows its output while it runs
  mayfly enqueue --file jobs.txt | mayfly wait -
      runs a job for each line, and waits for all of them
  mayfly local
      runs an embedded cloud on this machine, to try all of this
`;
