import { Command, Option } from 'commander';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import { CliError } from '../../error.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { readJobIds } from '../../options/job-ids.ts';
import { parseIds, wholeNumber } from '../../options/values.ts';
import { printBody } from '../../terminal/print.ts';
import { printJobs, reportUnknownJobs, showJobs } from './show-jobs.ts';

interface StatusOptions {
  json?: true;
  body?: true;
  ansible?: true;
  maxOutput?: number;
}

/** Ansible keeps several copies of a result in memory. */
const MAX_OUTPUT = 64 * 1024;
/** The JSON has to fit into one JavaScript string, and a character can take six in it. */
const LARGEST_MAX_OUTPUT = 32 * 1024 * 1024;

/** `mayfly status`: shows the current state of jobs. */
export function statusCommand(): Command {
  const command = addFleetOptions(
    new Command('status')
      .summary('show the state of jobs, and why')
      .description(
        'Shows jobs: their state and its reason, the start of their bodies, their times and tries, and the end of their ' +
          'output. Of a queued or a held job it shows what the job waits for.',
      )
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', parseIds)
      .option('--json', 'print JSON: an object for one job, an array for several')
      .addOption(
        new Option('--body', 'print only the body of one job, all of it, unchanged').conflicts([
          'json',
          'ansible',
        ]),
      )
      .addOption(
        new Option('--ansible', "like --json, in the shape of Ansible's async_status").conflicts('json'),
      )
      .addOption(
        new Option(
          '--max-output <bytes>',
          `with --ansible: how much of the end of each stream to print; default: ${MAX_OUTPUT}`,
        ).argParser(wholeNumber(0, LARGEST_MAX_OUTPUT)),
      )
      .addHelpText('after', NOTES),
  );
  return command.action((...args: unknown[]) => {
    const [, { ansible, maxOutput }] = args as [string[], StatusOptions];
    if (maxOutput !== undefined && !ansible) command.error('error: --max-output needs --ansible.');
    return run(...args);
  });
}

const run = runOnFleet(async (fleet: Fleet, args: string[], options: StatusOptions) => {
  const { json, body, ansible, maxOutput = MAX_OUTPUT } = options;
  const { ids, single } = await readJobIds(args);
  if (body) return printBodyOf(fleet, ids);
  const jobs = await fleet.status(ids, { waitsFor: !ansible, stages: !ansible, body: json === true });
  reportUnknownJobs(fleet, jobs);
  if (ansible) await printAnsible(fleet, jobs, single, maxOutput);
  else if (json) printJobs(jobs, single);
  else await showJobs(fleet, jobs);
  if (jobs.some(({ state }) => state === 'unknown')) process.exitCode = ExitCode.unknown;
});

async function printBodyOf(fleet: Fleet, ids: readonly string[]): Promise<void> {
  const [id, ...others] = new Set(ids);
  if (id === undefined || others.length > 0) {
    throw new CliError(`--body prints the body of one job; ${ids.length} were named.`, ExitCode.usage);
  }
  printBody(await fleet.body(id));
}

async function printAnsible(
  fleet: Fleet,
  jobs: readonly JobView[],
  single: boolean,
  mostBytes: number,
): Promise<void> {
  // Loaded here, because it loads the code that reads logs, which help and completion do not need.
  const { toAnsibleStatus } = await import('./ansible-status.ts');
  printJobs(await toAnsibleStatus(fleet, jobs, mostBytes), single);
}

const NOTES = `
States: held, queued, running, succeeded, failed, timed_out, cancelled, lost,
skipped. unknown is not a state: the fleet has no such job.

Of a request's job that has ended it names the roll-back and the health check
that followed: mayfly logs prints their output. With --json they are "stages":
[{"stage", "id", "state"}].

--ansible prints ansible_job_id, started and finished (0 or 1), failed, rc,
stdout, stderr, stdout_lines, stderr_lines, msg, state; and label, result,
result_error, retry_of and retried_as if the job has them. rc is always there:
the worker's exit status, -N if signal N killed it, 124 over its time limit,
null if the job has not ended or its end is unknown. stdout and stderr have no
line break at the end. Of a long output it prints the last 64 KiB of each stream
("truncated": true), or as much as --max-output says.

result is what the worker wrote to the file of MAYFLY_RESULT, of the last try:
with --json an object if it is a JSON object, else a text. resultError says why
it was left out (longer than 4 KiB, not UTF-8, not a regular file).

The worker reads the body. The text output shows its start; --body prints all of
it. On a terminal, control characters are made visible (\\x1b). With --json,
"body" is the whole body, if it is kept: in the record (up to 1 KiB) or in the
log bucket (a body that was sent through the bucket, or that of a failed job),
up to 64 MiB for all jobs together. For a body longer than 1 KiB there are
"bodyStart" and "bodyBytes", and "bodyLocation" says where it is.

To find out what queued jobs wait for, it examines the fleet, with a dozen calls
for all jobs together. For held jobs it reads their groups and requests. With
--json it is "waitsFor": {"what", "text", "since"?, "until"?}. what is one of
retry, delay, paused, message, nothing, launch, breaker, suspended, refused,
maximum, backlog, instance, unknown; of a held job preparing, request, group,
target, targets, batch, throttle, lanes, release, unknown.

Exit status: 0, whatever the states; 120 if a job is unknown.

Examples:
  mayfly status j-8w3m0c5vkq1z
  mayfly status --json j-8w3m0c5vkq1z | jq -r .state
  mayfly status --body j-8w3m0c5vkq1z > body
  mayfly list --state running --json | jq -r '.[].id' | mayfly status -
`;
