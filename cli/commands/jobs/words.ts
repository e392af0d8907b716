import type { JobView, TryView } from '../../../client/jobs/view.ts';
import { formatDuration } from '../../../lib/format-duration.ts';
import { clip } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import type { Paint, Style } from '../../terminal/paint.ts';

const STYLES: Partial<Record<JobView['state'], Style>> = {
  succeeded: 'green',
  failed: 'red',
  timed_out: 'red',
  lost: 'red',
  unknown: 'red',
  running: 'cyan',
  cancelled: 'yellow',
};

/** The state of a job, in its colour. */
export function paintState({ state }: Pick<JobView, 'state'>, paint: Paint): string {
  const style = STYLES[state];
  return style === undefined ? state : paint(style, state);
}

/** What a job with a target is: the job itself, or what follows it. */
export function stageName(stage: JobView['stage']): string {
  return stage === undefined ? 'job' : stage === 'check' ? 'health check' : 'roll-back';
}

/** Why a job is in its state; empty if that is unknown or needs no reason. */
export function stateReason({ state, reason, exitStatus, signal }: JobView): string {
  if (state === 'unknown') return 'this fleet has no such job';
  if (reason !== undefined) return escapeLine(reason);
  return state === 'succeeded' ? '' : describeExit({ exitStatus, signal });
}

/** The same, or what the job waits for. */
export function whyText(job: JobView): string {
  return stateReason(job) || escapeLine(job.waitsFor?.text ?? '');
}

/** How a worker ended: `exit status 3`, `died of SIGKILL`. */
function describeExit({ exitStatus, signal }: { exitStatus?: number; signal?: string } | ExactEnd): string {
  if (signal !== undefined) return `died of ${escapeLine(signal)}`;
  return exitStatus === undefined ? '' : `exit status ${exitStatus}`;
}

interface ExactEnd {
  exitStatus: number | undefined;
  signal: string | undefined;
}

/** The start of a body, escaped, on one line. */
export function bodyExcerpt(text: string, cells: number): string {
  return clip(escapeLine(text), cells);
}

/** A time in UTC, without fractions of a second. */
export function formatTimestamp(iso: string): string {
  return escapeLine(iso.replace(/\.\d+Z$/, 'Z'));
}

/** When a job was enqueued, how long it waited and ran, in one line. */
export function timesLine({ state, enqueuedAt, waitedSeconds, ranSeconds, tries }: JobView): string {
  // Once the job was tried, this is the time before its first try.
  const waits = (state === 'queued' || state === 'held') && tries.length === 0 ? 'waits for' : 'waited';
  const runs = state === 'running' ? 'runs for' : 'ran';
  return [
    enqueuedAt && `enqueued ${formatTimestamp(enqueuedAt)}`,
    waitedSeconds !== undefined && `${waits} ${formatDuration(waitedSeconds)}`,
    ranSeconds !== undefined && `${runs} ${formatDuration(ranSeconds)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** A try in one line: where and when it ran, how it ended. */
export function tryLine({ instance, startedAt, endedAt, ranSeconds, reason, ...end }: TryView): string {
  const ran = ranSeconds === undefined ? '' : `, ${formatDuration(ranSeconds)}`;
  const ended =
    reason === undefined
      ? describeExit({ exitStatus: end.exitStatus, signal: end.signal })
      : escapeLine(reason);
  const how = ended || (endedAt === undefined ? 'no end was seen' : 'ended');
  return `${formatTimestamp(startedAt)} on ${escapeLine(instance)}${ran}: ${how}`;
}

/** The number of jobs in each state: `10000 jobs: 9998 succeeded, 2 failed`. */
export function countStates(jobs: readonly JobView[]): string {
  const counts = new Map<string, number>();
  for (const { state } of jobs) counts.set(state, (counts.get(state) ?? 0) + 1);
  return `${countOf(jobs.length, 'job')}: ${[...counts].map(([state, number]) => `${number} ${state}`).join(', ')}`;
}

/** The progress of a job that was tried and that the command waits for. */
export function describeProgress({ state, instance, ranSeconds = 0, tries }: JobView): string {
  const again = tries.length > 1 ? `, try ${tries.length}` : '';
  if (state === 'running')
    return `running on ${escapeLine(instance ?? '?')}, ${formatDuration(ranSeconds)}${again}`;
  return `to be tried again; tried ${countOf(tries.length, 'time')} so far`;
}
