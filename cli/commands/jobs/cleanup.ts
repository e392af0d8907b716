import { Command } from 'commander';
import { ExitCode } from '../../exit-code.ts';
import type { CleanedUp } from '../../../client/jobs/cleanup.ts';
import { awsTime } from '../../../client/context.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { print, printJson, printSentence } from '../../terminal/print.ts';
import { createProgress } from '../../terminal/progress.ts';
import { say } from '../../terminal/say.ts';
import { count } from '../../terminal/words.ts';
import { canAsk, confirm } from '../confirm.ts';
import { givenIds } from './ids.ts';
import { untilInterrupted } from '../interrupt.ts';
import { moment } from './job-words.ts';
import { printJobs, sayUnknown } from './show-jobs.ts';
import { ago, someIds } from '../values.ts';
import { onFleet, withFleet } from '../with-fleet.ts';

interface CleanupOptions {
  endedBefore?: number;
  force?: true;
  dryRun?: true;
  yes?: true;
  json?: true;
}

/** `mayfly cleanup`: forgets ended jobs. */
export function cleanupCommand(): Command {
  const command = new Command('cleanup')
    .summary('remove what is kept of ended jobs')
    .description(
      'Removes what is kept of jobs that have ended: their records, logs and bodies. By themselves they go when the fleet ' +
        'has kept them for as long as it is set to.',
    )
    .usage('[options] <ids...> | --ended-before <time>')
    .argument('[ids...]', 'the jobs; - reads ids from standard input, one a line', someIds)
    .option('--ended-before <time>', 'all that ended earlier: 90s, 30m, 2h, 7d ago', ago)
    .option('--force', 'cancel those that have not ended, and wait for that')
    .option('--dry-run', 'only print which would be removed')
    .option('--yes', 'with --ended-before: without asking, which it does on a terminal')
    .option('--json', 'print JSON: {"id", "outcome", "objects", ...}; of several an array')
    .addHelpText('after', NOTES);
  return withFleet(command).action((...words: unknown[]) => {
    const [ids, { endedBefore, force, yes }] = words as [string[], CleanupOptions];
    if (ids.length > 0 === (endedBefore !== undefined)) {
      command.error('error: One of these is needed: ids of jobs, or --ended-before <time>; not both.');
    }
    if (force && endedBefore !== undefined) {
      command.error('error: --force is for ids of jobs: --ended-before takes only what has ended.');
    }
    if (yes && endedBefore === undefined) {
      command.error('error: --yes is for --ended-before <time>: of ids nobody is asked.');
    }
    return run(...words);
  });
}

const run = onFleet(async (fleet: Fleet, words: string[], options: CleanupOptions) => {
  const { endedBefore, force = false, dryRun = false, json = false } = options;
  if (endedBefore !== undefined) return removeEnded(fleet, endedBefore, options);
  const { ids, single } = await givenIds(words);
  const progress = createProgress();
  if (force && !dryRun) progress.show({ text: 'cancelling what has not ended' });
  const cleanUp = (signal: AbortSignal) => fleet.cleanup(ids, { force, dryRun, signal });
  const removed = await untilInterrupted(cleanUp, FAREWELL).finally(() => progress.end());
  sayUnknown(
    fleet,
    removed.map(({ id, outcome }) => ({ id, state: outcome === 'unknown' ? 'unknown' : 'succeeded' })),
  );
  sayLeft(removed);
  if (json) printJobs(removed, single);
  else
    for (const one of removed)
      if (one.outcome === 'removed') printSentence(sentence(one, fleet.facts.logBucket, dryRun));
  process.exitCode = statusOf(removed);
});

const FAREWELL = 'Not all was removed; the same command removes the rest.';
const NOTHING_REMOVED = 'Nothing was removed.';

async function removeEnded(fleet: Fleet, secondsAgo: number, options: CleanupOptions): Promise<void> {
  const { dryRun, yes, json } = options;
  const before = new Date((await awsTime(fleet.context)) - secondsAgo * 1000);
  if (dryRun) return tellEnded(await endedIds(fleet, before), json);
  // What scripts did before anybody was asked, they still do.
  if (!yes && canAsk()) {
    const { length } = await endedIds(fleet, before);
    const when = moment(before.toISOString());
    if (length === 0) {
      if (json) printJson({ jobs: 0, objects: 0 });
      return say(`No job is there that ended before ${when}.`);
    }
    const question = `Remove records, logs and bodies of ${count(length, 'job')} that ended before ${when}?`;
    await confirm(question, NOTHING_REMOVED);
  }
  const progress = createProgress();
  let jobs = 0;
  const onRemoved = () => {
    jobs += 1;
    progress.show({ text: `${count(jobs, 'job')} removed` });
  };
  const clean = (signal: AbortSignal) => fleet.cleanupEnded({ before, signal, onRemoved });
  const total = await untilInterrupted(clean, FAREWELL).finally(() => progress.end());
  if (json) return printJson(total);
  const gone = total.bucketGone ? goneText(fleet.facts.logBucket, 'them') : '';
  printSentence(
    `${count(total.jobs, 'job')} removed, with ${count(total.objects, 'object')} of the log bucket.${gone}`,
  );
}

/** The jobs that would be removed. */
async function endedIds(fleet: Fleet, before: Date): Promise<string[]> {
  const progress = createProgress();
  const ids: string[] = [];
  const onRemoved = ({ id }: CleanedUp) => {
    ids.push(id);
    progress.show({ text: `${count(ids.length, 'job')} found` });
  };
  const look = (signal: AbortSignal) => fleet.cleanupEnded({ before, dryRun: true, signal, onRemoved });
  await untilInterrupted(look, NOTHING_REMOVED).finally(() => progress.end());
  return ids;
}

function tellEnded(ids: readonly string[], json: true | undefined): void {
  if (json) printJson({ jobs: ids.length, ids });
  else for (const id of ids) print(escapeLine(id));
  say(`${count(ids.length, 'job')} would be removed; nothing was.`);
}

function sentence({ id, objects, bucketGone }: CleanedUp, bucket: string, dryRun: boolean): string {
  if (dryRun) return `${escapeLine(id)} would be removed.`;
  const log = objects > 0 ? `, with ${count(objects, 'object')} of the log bucket` : '';
  return `${escapeLine(id)} is removed${log}.${bucketGone ? goneText(bucket, 'the job') : ''}`;
}

function goneText(bucket: string, whom: string): string {
  return ` The log bucket ${escapeLine(bucket)} is gone, and with it what it had of ${whom}.`;
}

function sayLeft(removed: readonly CleanedUp[]): void {
  for (const { id, outcome, why = '' } of removed) {
    const name = `Job ${escapeLine(id)}`;
    if (outcome === 'live') {
      say(`${name} has not ended, and nothing of it was removed: cancel it first, or use --force.`);
    } else if (outcome === 'kept') {
      say(`${name} keeps its record, as its log could not be removed. ${escapeLine(why)}`);
    }
  }
}

function statusOf(removed: readonly CleanedUp[]): number {
  if (removed.some(({ outcome }) => outcome === 'unknown')) return ExitCode.unknown;
  return removed.every(({ outcome }) => outcome === 'removed') ? ExitCode.done : ExitCode.failed;
}

const NOTES = `
Exit status: 0; 1 if one has not ended, or the log bucket did not let go of its
log; 120 if one is unknown. The others are removed all the same. With --json
"outcome" is removed, live (it has not ended), kept ("why" says why) or unknown;
"bucketGone" is there if there is no log bucket any more. --ended-before prints
{"jobs", "objects", "bucketGone"?}, with --dry-run {"jobs", "ids"}. On a
terminal it says first how many jobs these are, and asks.

Examples:
  mayfly cleanup j-8w3m0c5vkq1z
  mayfly cleanup --force j-8w3m0c5vkq1z
  mayfly cleanup --ended-before 7d --dry-run
  mayfly cleanup --ended-before 7d --yes
`;
