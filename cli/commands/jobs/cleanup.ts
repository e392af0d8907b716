import { Command } from 'commander';
import { awsTime } from '../../../client/context.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { CleanedUp } from '../../../client/jobs/cleanup.ts';
import { ExitCode } from '../../exit-code.ts';
import { addFleetOptions, runOnFleet } from '../../options/fleet-options.ts';
import { readJobIds } from '../../options/job-ids.ts';
import { parseAge, parseIds } from '../../options/values.ts';
import { canPrompt, confirm } from '../../terminal/confirm.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { print, printJson, printSentence } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { say } from '../../terminal/say.ts';
import { printJobs, reportUnknownJobs } from './show-jobs.ts';
import { formatTimestamp } from './words.ts';

interface CleanupOptions {
  endedBefore?: number;
  force?: true;
  dryRun?: true;
  yes?: true;
  json?: true;
}

/** `mayfly cleanup`: removes the records, logs and bodies of ended jobs. */
export function cleanupCommand(): Command {
  const command = new Command('cleanup')
    .summary('remove the records, logs and bodies of ended jobs')
    .description(
      'Removes the records, logs and bodies of jobs that have ended. The fleet also removes them by itself, when their ' +
        'retention is over.',
    )
    .usage('[options] <ids...> | --ended-before <time>')
    .argument('[ids...]', 'the jobs; - reads ids from standard input, one a line', parseIds)
    .option('--ended-before <time>', 'all jobs that ended more than 90s, 30m, 2h, 7d ago', parseAge)
    .option('--force', 'cancel jobs that have not ended, and wait for their end')
    .option('--dry-run', 'only print the jobs that would be removed')
    .option('--yes', 'with --ended-before: do not ask on a terminal')
    .option('--json', 'print JSON: {"id", "outcome", "objects", ...}; an array for several jobs')
    .addHelpText('after', NOTES);
  return addFleetOptions(command).action((...args: unknown[]) => {
    const [ids, { endedBefore, force, yes }] = args as [string[], CleanupOptions];
    if (ids.length > 0 === (endedBefore !== undefined)) {
      command.error('error: Give exactly one of these: ids of jobs, or --ended-before <time>.');
    }
    if (force && endedBefore !== undefined) {
      command.error('error: --force needs ids of jobs: --ended-before removes only jobs that have ended.');
    }
    if (yes && endedBefore === undefined) {
      command.error(
        'error: --yes needs --ended-before <time>: jobs with ids are removed without a question.',
      );
    }
    return run(...args);
  });
}

const run = runOnFleet(async (fleet: Fleet, args: string[], options: CleanupOptions) => {
  const { endedBefore, force = false, dryRun = false, json = false } = options;
  if (endedBefore !== undefined) return removeEnded(fleet, endedBefore, options);
  const { ids, single } = await readJobIds(args);
  const progress = createProgress();
  if (force && !dryRun) progress.show({ text: 'cancelling jobs that have not ended' });
  const cleanUp = (signal: AbortSignal) => fleet.cleanup(ids, { force, dryRun, signal });
  const removed = await runInterruptibly(cleanUp, INTERRUPTED).finally(() => progress.end());
  reportUnknownJobs(
    fleet,
    removed.map(({ id, outcome }) => ({ id, state: outcome === 'unknown' ? 'unknown' : 'succeeded' })),
  );
  sayLeft(removed);
  if (json) printJobs(removed, single);
  else
    for (const one of removed)
      if (one.outcome === 'removed') printSentence(sentence(one, fleet.facts.logBucket, dryRun));
  process.exitCode = exitStatus(removed);
});

const INTERRUPTED = 'Not all jobs were removed. The same command removes the rest.';
const NOTHING_REMOVED = 'Nothing was removed.';

async function removeEnded(fleet: Fleet, secondsAgo: number, options: CleanupOptions): Promise<void> {
  const { dryRun, yes, json } = options;
  const before = new Date((await awsTime(fleet.context)) - secondsAgo * 1000);
  if (dryRun) return printEnded(await endedIds(fleet, before), json);
  // Without a terminal it does not ask, so that it works in scripts without --yes.
  if (!yes && canPrompt()) {
    const { length } = await endedIds(fleet, before);
    const when = formatTimestamp(before.toISOString());
    if (length === 0) {
      if (json) printJson({ jobs: 0, objects: 0 });
      return say(`No job ended before ${when}.`);
    }
    const question = `Remove records, logs and bodies of ${countOf(length, 'job')} that ended before ${when}?`;
    await confirm(question, NOTHING_REMOVED);
  }
  const progress = createProgress();
  let jobs = 0;
  const onRemoved = () => {
    jobs += 1;
    progress.show({ text: `${countOf(jobs, 'job')} removed` });
  };
  const clean = (signal: AbortSignal) => fleet.cleanupEnded({ before, signal, onRemoved });
  const total = await runInterruptibly(clean, INTERRUPTED).finally(() => progress.end());
  if (json) return printJson(total);
  const gone = total.bucketGone ? goneText(fleet.facts.logBucket) : '';
  printSentence(
    `${countOf(total.jobs, 'job')} removed, with ${countOf(total.objects, 'object')} of the log bucket.${gone}`,
  );
}

/** The jobs that would be removed. */
async function endedIds(fleet: Fleet, before: Date): Promise<string[]> {
  const progress = createProgress();
  const ids: string[] = [];
  const onRemoved = ({ id }: CleanedUp) => {
    ids.push(id);
    progress.show({ text: `${countOf(ids.length, 'job')} found` });
  };
  const find = (signal: AbortSignal) => fleet.cleanupEnded({ before, dryRun: true, signal, onRemoved });
  await runInterruptibly(find, NOTHING_REMOVED).finally(() => progress.end());
  return ids;
}

function printEnded(ids: readonly string[], json: true | undefined): void {
  if (json) printJson({ jobs: ids.length, ids });
  else for (const id of ids) print(escapeLine(id));
  say(`${countOf(ids.length, 'job')} would be removed; nothing was changed.`);
}

function sentence({ id, objects, bucketGone }: CleanedUp, bucket: string, dryRun: boolean): string {
  if (dryRun) return `${escapeLine(id)} would be removed.`;
  const log = objects > 0 ? `, with ${countOf(objects, 'object')} of the log bucket` : '';
  return `${escapeLine(id)} is removed${log}.${bucketGone ? goneText(bucket) : ''}`;
}

function goneText(bucket: string): string {
  return ` The log bucket ${escapeLine(bucket)} does not exist any more, nor does what was in it.`;
}

function sayLeft(removed: readonly CleanedUp[]): void {
  for (const { id, outcome, why = '' } of removed) {
    const name = `Job ${escapeLine(id)}`;
    if (outcome === 'live' && why !== '') {
      say(escapeLine(why));
    } else if (outcome === 'live') {
      say(`${name} has not ended, so it was not removed: cancel it first, or use --force.`);
    } else if (outcome === 'kept') {
      say(`The log of job ${escapeLine(id)} could not be removed, so its record stays. ${escapeLine(why)}`);
    }
  }
}

function exitStatus(removed: readonly CleanedUp[]): number {
  if (removed.some(({ outcome }) => outcome === 'unknown')) return ExitCode.unknown;
  return removed.every(({ outcome }) => outcome === 'removed') ? ExitCode.done : ExitCode.failed;
}

const NOTES = `
Exit status: 0; 1 if a job has not ended, or if its log could not be removed;
120 if one is unknown. The other jobs are removed nevertheless. A job that has
ended stays while its roll-back or its health check runs. With --json, "outcome"
is removed, live (it has not ended), kept ("why" says why) or unknown.
"bucketGone" is there if the log bucket does not exist any more. --ended-before
prints {"jobs", "objects", "bucketGone"?}, with --dry-run {"jobs", "ids"}. On a
terminal --ended-before states the number of jobs, and asks.

Examples:
  mayfly cleanup j-8w3m0c5vkq1z
  mayfly cleanup --force j-8w3m0c5vkq1z
  mayfly cleanup --ended-before 7d --dry-run
  mayfly cleanup --ended-before 7d --yes
`;
