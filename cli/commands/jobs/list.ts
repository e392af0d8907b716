import { Command, Option } from 'commander';
import { awsTime } from '../../../client/context.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import { type JobState, TERMINAL_STATES } from '../../../jobs/record.ts';
import { formatDuration } from '../../../lib/format-duration.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { commaSeparated, parseAge, wholeNumber } from '../../options/values.ts';
import { formatTable } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { type Paint, paintFor } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { tableWidth } from './show-jobs.ts';
import { bodyExcerpt, formatTimestamp, paintState, stageName, whyText } from './words.ts';

interface ListOptions {
  state?: JobState[];
  label?: string;
  group?: string;
  request?: string;
  instance?: string;
  since?: number;
  limit: number;
  json?: true;
}

const STATES: readonly JobState[] = ['held', 'queued', 'running', ...TERMINAL_STATES];

/** `mayfly list`: lists the newest jobs. */
export function listCommand(): Command {
  return addFleetOptions(
    new Command('list')
      .summary('list jobs, the newest first')
      .description('Lists the jobs that have a record, the newest first.')
      .addOption(
        new Option('--state <state>', 'only jobs in this state; can be given several times')
          .choices(STATES)
          .argParser(commaSeparated(STATES)),
      )
      .option('--label <name>', 'only jobs with this label')
      .option('--group <name>', 'only jobs of this group')
      .option('--request <id>', 'only jobs of this request')
      .option('--instance <id>', 'only jobs whose last try runs or ran on this instance')
      .option('--since <time>', 'only jobs that were enqueued in the last 90s, 30m, 2h, 7d', parseAge)
      .option('--limit <number>', 'how many to list at most', wholeNumber(1), 50)
      .option('--json', 'print a JSON array')
      .addHelpText('after', NOTES),
  ).action(runOnFleet(run));
}

async function run(
  fleet: Fleet,
  { state, since, request, limit, json, ...rest }: ListOptions,
): Promise<void> {
  const jobs = await fleet.list({
    limit,
    onNotice: (sentence) => say(sentence),
    ...(state && { states: state }),
    ...(rest.label !== undefined && { label: rest.label }),
    ...(rest.group !== undefined && { group: rest.group }),
    ...(request !== undefined && { requestId: request }),
    ...(rest.instance !== undefined && { instance: rest.instance }),
    ...(since !== undefined && { since: new Date((await awsTime(fleet.context)) - since * 1000) }),
  });
  if (json) return printJson(jobs);
  if (jobs.length === 0) return say('no such jobs.');
  const paint = paintFor(process.stdout);
  const hasTargets = jobs.some(({ target }) => target !== undefined);
  const head = hasTargets ? HEAD.toSpliced(TARGET_COLUMN, 0, 'target') : HEAD;
  print(formatTable(head, jobs.map(row(paint, hasTargets)), tableWidth()));
  if (jobs.length === limit) say(`the newest ${limit} (--limit shows more).`);
}

const HEAD = ['id', 'state', 'enqueued', 'waited', 'ran', 'tries', 'instance', 'body', 'why'];
/** If a job has a target. */
const TARGET_COLUMN = 1;
const BODY_CELLS = 40;

function row(paint: Paint, hasTargets: boolean): (job: JobView) => string[] {
  return (job) => [
    escapeLine(job.id),
    ...(hasTargets ? [targetText(job)] : []),
    paintState(job, paint),
    job.enqueuedAt === undefined ? '' : formatTimestamp(job.enqueuedAt),
    job.waitedSeconds === undefined ? '' : formatDuration(job.waitedSeconds),
    job.ranSeconds === undefined ? '' : formatDuration(job.ranSeconds),
    String(job.tries.length),
    escapeLine(job.instance ?? job.tries.at(-1)?.instance ?? ''),
    bodyExcerpt(job.body ?? job.bodyStart ?? '', BODY_CELLS),
    whyText(job),
  ];
}

/** `web-07`, or of what follows a job `web-07 (roll-back)`. */
function targetText({ target = '', stage }: JobView): string {
  return stage === undefined ? escapeLine(target) : `${escapeLine(target)} (${stageName(stage)})`;
}

const NOTES = `
The column why has the reason of a job that has ended, and what a held job waits
for. Of a queued job, status says it.

An index finds jobs by state and by the time when they were enqueued. It does
not find them by --label, --group, --request or --instance. With one of these,
more jobs may be read than are shown; a line on stderr then says so. --state and
--since reduce what is read. The index does find the jobs that run on an
instance: --instance <id> --state running.

Examples:
  mayfly list --state running
  mayfly list --state failed,timed_out --since 2h
  mayfly list --state held --group shop/web
  mayfly list --state failed --json | jq -r '.[].id' | mayfly retry -
`;
