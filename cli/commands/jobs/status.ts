import { Command, Option } from 'commander';
import { ExitCode } from '../../exit-code.ts';
import { Failure } from '../../failure.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import { printBody } from '../../terminal/print.ts';
import { givenIds } from './ids.ts';
import { printJobs, sayUnknown, showJobs } from './show-jobs.ts';
import { someIds, whole } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

interface StatusOptions {
  json?: true;
  body?: true;
  ansible?: true;
  maxOutput?: number;
}

/** Ansible holds results in memory, several times. */
const MAX_OUTPUT = 64 * 1024;
/** JSON of it has to be one string of JavaScript's, in which a character can become six. */
const LARGEST_MAX_OUTPUT = 32 * 1024 * 1024;

/** `mayfly status`: jobs as they are now. */
export function statusCommand(): Command {
  const command = withFleet(
    new Command('status')
      .summary('say how jobs are, and why')
      .description(
        'Says how jobs are now: their state and why, the start of their bodies, their times and tries, and the last that ' +
          'they printed; of those that are queued what they wait for.',
      )
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', someIds)
      .option('--json', 'print JSON: of one job an object, of several an array')
      .addOption(
        new Option('--body', 'only the body of one job, all of it, as it is').conflicts(['json', 'ansible']),
      )
      .addOption(
        new Option('--ansible', "print JSON in the shape of Ansible's async_status, likewise").conflicts(
          'json',
        ),
      )
      .addOption(
        new Option(
          '--max-output <bytes>',
          `with --ansible: how much of the end of each stream; default: ${MAX_OUTPUT}`,
        ).argParser(whole(0, LARGEST_MAX_OUTPUT)),
      )
      .addHelpText('after', NOTES),
  );
  return command.action((...words: unknown[]) => {
    const [, { ansible, maxOutput }] = words as [string[], StatusOptions];
    if (maxOutput !== undefined && !ansible) command.error('error: --max-output is for --ansible.');
    return run(...words);
  });
}

const run = onFleet(async (fleet: Fleet, words: string[], options: StatusOptions) => {
  const { json, body, ansible, maxOutput = MAX_OUTPUT } = options;
  const { ids, single } = await givenIds(words);
  if (body) return printBodyOf(fleet, ids);
  const jobs = await fleet.status(ids, { waitsFor: !ansible, body: json === true });
  sayUnknown(fleet, jobs);
  if (ansible) await printAnsible(fleet, jobs, single, maxOutput);
  else if (json) printJobs(jobs, single);
  else await showJobs(fleet, jobs);
  if (jobs.some(({ state }) => state === 'unknown')) process.exitCode = ExitCode.unknown;
});

async function printBodyOf(fleet: Fleet, ids: readonly string[]): Promise<void> {
  const [id, ...others] = new Set(ids);
  if (id === undefined || others.length > 0) {
    throw new Failure(`--body prints the body of one job; ${ids.length} were named.`, ExitCode.usage);
  }
  printBody(await fleet.body(id));
}

async function printAnsible(
  fleet: Fleet,
  jobs: readonly JobView[],
  single: boolean,
  mostBytes: number,
): Promise<void> {
  // With it comes what reads logs: not needed for help and completion.
  const { ansibleStatus } = await import('./ansible-status.ts');
  printJobs(await ansibleStatus(fleet, jobs, mostBytes), single);
}

const NOTES = `
States: held, queued, running, succeeded, failed, timed_out, cancelled, lost,
skipped. unknown is none of them: the fleet has no such job.

--ansible: ansible_job_id, started and finished (0 or 1), failed, rc, stdout,
stderr, stdout_lines, stderr_lines, msg, state; and label, retry_of and
retried_as if it has them. rc is always there: the worker's exit status, -N if
it died of signal N, 124 over its time limit, null if it has not ended or nobody
knows. stdout and stderr end without a line break. Of a long output it is the
last 64 KiB of a stream ("truncated": true), or what --max-output says.

The body is what the worker reads: its start is shown, --body prints all of it.
On a terminal, what that would obey is made visible (\\x1b). With --json it is
"body", whole, if it is kept: in the record (1 KiB) or in the log bucket (one
that was sent through it, or of a job that failed), 64 MiB of all jobs together;
"bodyStart" and "bodyBytes" tell of one that is longer than 1 KiB,
"bodyLocation" where it is.

What a queued job waits for takes a look at the fleet, a dozen calls for all of
them together. With --json it is "waitsFor": {"what", "text", "since"?,
"until"?}; what is one of retry, delay, paused, message, nothing, launch,
breaker, suspended, refused, maximum, backlog, instance, unknown.

Exit status: 0, however the jobs are; 120 if one is unknown.

Examples:
  mayfly status j-8w3m0c5vkq1z
  mayfly status --json j-8w3m0c5vkq1z | jq -r .state
  mayfly status --body j-8w3m0c5vkq1z > body
  mayfly list --state running --json | jq -r '.[].id' | mayfly status -
`;
