import { UnknownJobError } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import { formatTable } from '../../terminal/columns.ts';
import { escapeLine, escapeText } from '../../terminal/escape.ts';
import { paintFor } from '../../terminal/paint.ts';
import { print, printJson } from '../../terminal/print.ts';
import { say } from '../../terminal/say.ts';
import { lineWidth } from '../../terminal/screen.ts';
import { jobBlock } from './block.ts';
import { countStates, paintState, whyText } from './words.ts';

/** More jobs than this are shown as counts and a table of those that did not succeed. */
const MOST_BLOCKS = 10;
const MOST_ROWS = 50;

/** Shows jobs as text: a block for each, or counts if they are many. */
export async function showJobs(fleet: Fleet, jobs: readonly JobView[]): Promise<void> {
  const known = jobs.filter(({ state }) => state !== 'unknown');
  if (known.length > MOST_BLOCKS) showMany(known);
  else if (known.length > 0) await showBlocks(fleet, known);
}

async function showBlocks(fleet: Fleet, jobs: readonly JobView[]): Promise<void> {
  const ids = jobs.map(({ id }) => id);
  const found = await fleet.records(ids);
  const paint = paintFor(process.stdout);
  print(jobs.map((job) => jobBlock(job, found.get(job.id), paint, process.stdout)).join('\n\n'));
}

function showMany(jobs: readonly JobView[]): void {
  const paint = paintFor(process.stdout);
  print(countStates(jobs));
  const others = jobs.filter(({ state }) => state !== 'succeeded');
  if (others.length === 0) return;
  const rows = others
    .slice(0, MOST_ROWS)
    .map((job) => [escapeLine(job.id), paintState(job, paint), whyText(job)]);
  print(`\n${formatTable(['id', 'state', 'why'], rows, tableWidth())}`);
  if (others.length > MOST_ROWS) print(`and ${others.length - MOST_ROWS} more; --json prints all of them`);
}

/** Lines for a file or a pipe are not wrapped. */
export function tableWidth(): { lineWidth?: number } {
  return process.stdout.isTTY ? { lineWidth: lineWidth(process.stdout) } : {};
}

/** Prints a message for each unknown job. */
export function reportUnknownJobs(fleet: Fleet, jobs: readonly Pick<JobView, 'id' | 'state'>[]): void {
  for (const { id, state } of jobs) {
    if (state !== 'unknown') continue;
    say(escapeText(new UnknownJobError(id, fleet.facts.fleet).message));
  }
}

/** Prints JSON: an object if one id was asked for, else an array. */
export function printJobs<Job>(jobs: readonly Job[], single: boolean): void {
  printJson(single && jobs.length === 1 ? jobs[0] : jobs);
}
