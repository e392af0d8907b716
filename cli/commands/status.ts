import { Command, Option } from 'commander';
import { ExitCode } from '../exit-code.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { JobView } from '../fleet/view.ts';
import { givenIds } from './ids.ts';
import { printJobs, sayUnknown, showJobs } from './show-jobs.ts';
import { someIds } from './values.ts';
import { onFleet, withFleet } from './with-fleet.ts';

interface StatusOptions {
  json?: true;
  ansible?: true;
}

/** `mayfly status`: jobs as they are now. */
export function statusCommand(): Command {
  return withFleet(
    new Command('status')
      .summary('say how jobs are, and why')
      .description(
        'Says how jobs are now: their state and why, their times and tries, and the last that they printed.',
      )
      .argument('<ids...>', 'the jobs; - reads ids from standard input, one a line', someIds)
      .option('--json', 'print JSON: of one job an object, of several an array')
      .addOption(
        new Option('--ansible', "print JSON in the shape of Ansible's async_status, likewise").conflicts(
          'json',
        ),
      )
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
}

async function run(fleet: Fleet, words: string[], { json, ansible }: StatusOptions): Promise<void> {
  const { ids, single } = await givenIds(words);
  const jobs = await fleet.status(ids);
  sayUnknown(fleet, jobs);
  if (ansible) await printAnsible(fleet, jobs, single);
  else if (json) printJobs(jobs, single);
  else await showJobs(fleet, jobs);
  if (jobs.some(({ state }) => state === 'unknown')) process.exitCode = ExitCode.unknown;
}

async function printAnsible(fleet: Fleet, jobs: readonly JobView[], single: boolean): Promise<void> {
  // With it comes what reads logs: not needed for help and completion.
  const { ansibleStatus } = await import('./ansible-status.ts');
  printJobs(await ansibleStatus(fleet, jobs), single);
}

const NOTES = `
States: held, queued, running, succeeded, failed, timed_out, cancelled, lost,
skipped. unknown is none of them: the fleet has no such job.

--ansible: ansible_job_id, started and finished (0 or 1), failed, rc, stdout,
stderr, stdout_lines, stderr_lines, msg, state. rc is always there: the worker's
exit status, -N if it died of signal N, 124 over its time limit, null if it has
not ended or nobody knows. Of a long output it is the last 64 KiB of a stream
("truncated": true).

Exit status: 0, however the jobs are; 120 if one is unknown.

Examples:
  mayfly status j-8w3m0c5vkq1z
  mayfly status --json j-8w3m0c5vkq1z | jq -r .state
  mayfly list --state running --json | jq -r '.[].id' | mayfly status -
`;
