import type { JobView, TryView } from '../../../client/jobs/view.ts';
import { clip } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import type { Paint, Style } from '../../terminal/paint.ts';
import { count, span } from '../../terminal/words.ts';

const STYLES: Partial<Record<JobView['state'], Style>> = {
  succeeded: 'green',
  failed: 'red',
  timed_out: 'red',
  lost: 'red',
  unknown: 'red',
  running: 'cyan',
  cancelled: 'yellow',
};

/** A job's state in its colour. */
export function stateWord({ state }: Pick<JobView, 'state'>, paint: Paint): string {
  const style = STYLES[state];
  return style === undefined ? state : paint(style, state);
}

/** Why a job is in its state, as far as that is known; empty for one that needs no reason. */
export function whyOf({ state, reason, exitStatus, signal }: JobView): string {
  if (state === 'unknown') return 'this fleet has no such job';
  if (reason !== undefined) return escapeLine(reason);
  return state === 'succeeded' ? '' : endOf({ exitStatus, signal });
}

/** How a worker ended: `exit status 3`, `SIGKILL`. */
export function endOf({ exitStatus, signal }: { exitStatus?: number; signal?: string } | ExactEnd): string {
  if (signal !== undefined) return `died of ${escapeLine(signal)}`;
  return exitStatus === undefined ? '' : `exit status ${exitStatus}`;
}

interface ExactEnd {
  exitStatus: number | undefined;
  signal: string | undefined;
}

/** How a body begins, as far as it has room: on one line, with nothing that a terminal would obey. */
export function startOfBody(text: string, cells: number): string {
  return clip(escapeLine(text), cells);
}

/** A moment for people: to the second, in UTC. */
export function moment(iso: string): string {
  return escapeLine(iso.replace(/\.\d+Z$/, 'Z'));
}

/** When it came, how long it waited and ran, in one line. */
export function timesOf({ state, enqueuedAt, waitedSeconds, ranSeconds, tries }: JobView): string {
  // Once it was tried, this is how long it waited for that.
  const waits = (state === 'queued' || state === 'held') && tries.length === 0 ? 'waits for' : 'waited';
  const runs = state === 'running' ? 'runs for' : 'ran';
  return [
    enqueuedAt && `enqueued ${moment(enqueuedAt)}`,
    waitedSeconds !== undefined && `${waits} ${span(waitedSeconds)}`,
    ranSeconds !== undefined && `${runs} ${span(ranSeconds)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** A try in one line: where and when it ran, how it ended. */
export function tryLine({ instance, startedAt, endedAt, ranSeconds, reason, ...end }: TryView): string {
  const ran = ranSeconds === undefined ? '' : `, ${span(ranSeconds)}`;
  const ended =
    reason === undefined ? endOf({ exitStatus: end.exitStatus, signal: end.signal }) : escapeLine(reason);
  const how = ended || (endedAt === undefined ? 'no end was seen' : 'ended');
  return `${moment(startedAt)} on ${escapeLine(instance)}${ran}: ${how}`;
}

/** A count of each state: `9998 succeeded, 2 failed`. */
export function tally(jobs: readonly JobView[]): string {
  const counts = new Map<string, number>();
  for (const { state } of jobs) counts.set(state, (counts.get(state) ?? 0) + 1);
  return `${count(jobs.length, 'job')}: ${[...counts].map(([state, number]) => `${number} ${state}`).join(', ')}`;
}

/** What goes on with a job that is waited for and was tried. */
export function goingOn({ state, instance, ranSeconds = 0, tries }: JobView): string {
  const again = tries.length > 1 ? `, try ${tries.length}` : '';
  if (state === 'running') return `running on ${escapeLine(instance ?? '?')}, ${span(ranSeconds)}${again}`;
  return `to be tried again; tried ${count(tries.length, 'time')} so far`;
}
