import { Command } from 'commander';
import { AccessDeniedError } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import type { RequestView } from '../../../client/requests/types.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { parseId } from '../../options/values.ts';
import { escapeText } from '../../terminal/escape.ts';
import { paintFor } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { tableWidth } from '../jobs/show-jobs.ts';
import { requestText } from './text.ts';

/** Failed jobs that are shown. */
const MOST_FAILED = 20;

/** `mayfly request show`: shows one request, group by group. */
export function requestShowCommand(): Command {
  return addFleetOptions(
    new Command('show')
      .summary('show a request: what is done, running, held, failed, and why')
      .description(
        'Shows a request: for each group what is done, running and held, and why nothing goes on if nothing does; then the ' +
          'jobs that failed. It says which command goes on.',
      )
      .argument('<request>', 'the id of the request', parseId)
      .option('--json', 'print JSON: the request, with "failedJobs"')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

const NOTES = `
A request that is stopped or paused is cancelled by itself after 14 days, unless
somebody resumes it. It shows the newest ${MOST_FAILED} failed jobs, roll-backs and health
checks among them; \`mayfly list --request <id> --state failed\` lists more.

Exit status: 0, whatever its state; 120 if there is no such request.

Examples:
  mayfly request show deploy-7
  mayfly request show deploy-7 --json | jq '.groups[] | {name, held}'
`;

async function run(fleet: Fleet, id: string, { json }: { json?: true }): Promise<void> {
  await showRequest(fleet, await fleet.requests.show(id), json);
}

/** Prints a request with the jobs of it that failed, as text or JSON. */
export async function showRequest(fleet: Fleet, request: RequestView, json: true | undefined): Promise<void> {
  const failedJobs = await readFailed(fleet, request);
  if (json) return printJson({ ...request, ...(failedJobs && { failedJobs }) });
  const text = requestText(request, failedJobs ?? [], {
    nowMs: fleet.context.clock.now(),
    paint: paintFor(process.stdout),
    screen: process.stdout,
    table: tableWidth(),
  });
  print(text);
}

/** Undefined: AWS does not allow it. Who may make requests (`grantRequest`) may not list jobs. */
async function readFailed(
  fleet: Fleet,
  { id, failed, submittedAt, groups }: RequestView,
): Promise<JobView[] | undefined> {
  // A health check can have failed although its job has not.
  const isUnhealthy = groups.some(({ running }) => running.some(({ stage }) => stage === 'unhealthy'));
  if (failed === 0 && !isUnhealthy) return [];
  try {
    return await fleet.list({
      requestId: id,
      states: ['failed', 'timed_out', 'lost'],
      since: new Date(submittedAt),
      limit: MOST_FAILED,
    });
  } catch (error) {
    if (!(error instanceof AccessDeniedError)) throw error;
    say(`the failed jobs cannot be listed. ${escapeText(error.message)}`);
    return undefined;
  }
}
