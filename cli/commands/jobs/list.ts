import { Command, Option } from 'commander';
import { type JobState, TERMINAL_STATES } from '../../../jobs/record.ts';
import { awsTime } from '../../../client/context.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import { columns } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { type Paint, paintFor } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { span } from '../../terminal/words.ts';
import { refusingGroup } from '../enqueue/group-option.ts';
import { moment, startOfBody, stateWord, whyOf } from './job-words.ts';
import { widthOnTerminal } from './show-jobs.ts';
import { ago, several, whole } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

interface ListOptions {
  state?: JobState[];
  label?: string;
  request?: string;
  instance?: string;
  since?: number;
  limit: number;
  json?: true;
}

const STATES: readonly JobState[] = ['held', 'queued', 'running', ...TERMINAL_STATES];

/** `mayfly list`: the newest jobs. */
export function listCommand(): Command {
  return withFleet(
    refusingGroup(new Command('list'))
      .summary('list jobs, the newest first')
      .description('Lists the jobs of which the fleet has a record, the newest first.')
      .addOption(
        new Option('--state <state>', 'in this state; may be given several times')
          .choices(STATES)
          .argParser(several(STATES)),
      )
      .option('--label <name>', 'with this label')
      .option('--request <id>', 'of this request')
      .option('--instance <id>', 'whose last try ran on this instance, or runs')
      .option('--since <time>', 'enqueued since: 90s, 30m, 2h, 7d ago', ago)
      .option('--limit <number>', 'how many at most', whole(1), 50)
      .option('--json', 'print a JSON array')
      .addHelpText('after', NOTES),
  ).action(onFleet(run));
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
    ...(request !== undefined && { requestId: request }),
    ...(rest.instance !== undefined && { instance: rest.instance }),
    ...(since !== undefined && { since: new Date((await awsTime(fleet.context)) - since * 1000) }),
  });
  if (json) return printJson(jobs);
  if (jobs.length === 0) return say('no such jobs.');
  const paint = paintFor(process.stdout);
  print(columns(HEAD, jobs.map(row(paint)), widthOnTerminal()));
  if (jobs.length === limit) say(`the newest ${limit} (--limit shows more).`);
}

const HEAD = ['id', 'state', 'enqueued', 'waited', 'ran', 'tries', 'instance', 'body', 'why'];
const BODY_CELLS = 40;

function row(paint: Paint): (job: JobView) => string[] {
  return (job) => [
    escapeLine(job.id),
    stateWord(job, paint),
    job.enqueuedAt === undefined ? '' : moment(job.enqueuedAt),
    job.waitedSeconds === undefined ? '' : span(job.waitedSeconds),
    job.ranSeconds === undefined ? '' : span(job.ranSeconds),
    String(job.tries.length),
    escapeLine(job.instance ?? job.tries.at(-1)?.instance ?? ''),
    startOfBody(job.body ?? job.bodyStart ?? '', BODY_CELLS),
    whyOf(job),
  ];
}

const NOTES = `
An index has the jobs by their state and the time when they were enqueued. It
finds none by --label, --request or --instance: with one of these more may be
read than is shown, which a line on stderr then says. --state and --since narrow
it. (What runs on one instance it finds: --instance <id> --state running.)

Examples:
  mayfly list --state running
  mayfly list --state failed,timed_out --since 2h
  mayfly list --state failed --json | jq -r '.[].id' | mayfly retry -
`;
