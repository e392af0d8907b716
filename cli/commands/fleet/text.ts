import type { FleetView, LaunchesView } from '../../../client/instances/describe.ts';
import type { InstanceView, RetiredView } from '../../../client/instances/instance-view.ts';
import { CANNOT } from '../../../client/instances/refusal-text.ts';
import { formatDuration } from '../../../lib/format-duration.ts';
import { formatTable, NARROWEST, pad, wrap } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import type { Paint, Style } from '../../terminal/paint.ts';
import { DEADLINE_TEXTS, formatRecentTime, REASON_TEXTS } from './reasons.ts';

/** How many jobs of an instance are named. Further ones are counted. */
const NAMED_JOBS = 2;

const DRAIN_REQUESTED = 'is to be drained: its agent learns of it with its next report';
/** Agents report once a minute, so a report is missing. */
const OLD_SECONDS = 120;

const STYLES: Record<InstanceView['status'], Style> = {
  booting: 'cyan',
  pooled: 'gray',
  working: 'green',
  idle: 'yellow',
  refused: 'red',
  leaving: 'magenta',
  silent: 'red',
  gone: 'red',
};

/** The output of `mayfly fleet`. */
export function fleetText(view: FleetView, nowMs: number, paint: Paint, lineWidth: number): string {
  const { instances, retired } = view;
  const running =
    instances.length === 0
      ? 'No instances.'
      : formatTable(
          ['instance', 'state', 'type', 'zone', 'up', 'jobs', 'next', 'reported'],
          instances.map((one) => instanceRow(one, view, nowMs, paint)),
          { lineWidth },
        );
  const gone =
    retired.length === 0
      ? []
      : [
          formatTable(
            ['gone', 'at', 'jobs', 'why'],
            retired.map((one) => retiredRow(one, nowMs)),
            { lineWidth },
          ),
        ];
  return [summary(view, nowMs, paint, lineWidth), running, ...gone].join('\n\n');
}

/** Within this time of a pause, every agent has reported and knows of it: the default of `reportInterval`. */
const PAUSE_KNOWN_MS = 60_000;

/** The width of the first column of the summary. */
const SUMMARY_INDENT = ' '.repeat('capacity  '.length);

function summary(view: FleetView, nowMs: number, paint: Paint, lineWidth: number): string {
  const { capacity, deadLetters } = view;
  const lines = [
    ['queue', queueText(view, nowMs)],
    ...(deadLetters ? [['', paint('red', `${countOf(deadLetters, 'dead letter')} (mayfly dlq list)`)]] : []),
    ['capacity', `${capacity.desired} desired, of ${capacity.min} to ${capacity.max}`],
    ...launchLines(view.launches, nowMs, paint),
    ['keeper', keeperText(view, nowMs, paint)],
  ];
  const heading = `${paint('bold', escapeLine(view.fleet))} in ${escapeLine(view.region)} at ${formatRecentTime(view.at, nowMs)}`;
  const room = Math.max(NARROWEST, lineWidth - SUMMARY_INDENT.length);
  const inLines = (text: string) => wrap(text, room, { cutsWords: false }).join(`\n${SUMMARY_INDENT}`);
  const rows = lines.map(([name = '', text = '']) => `${pad(name, SUMMARY_INDENT.length)}${inLines(text)}`);
  return [heading, ...rows].join('\n');
}

function queueText({ queue }: FleetView, nowMs: number): string {
  const { visible, inFlight, delayed, waitingSince } = queue;
  const since = waitingSince === undefined ? '' : ` since ${formatRecentTime(waitingSince, nowMs)}`;
  return `${visible} waiting${since}, ${inFlight} in flight, ${delayed} delayed`;
}

function launchLines({ failure, ...why }: LaunchesView, nowMs: number, paint: Paint): string[][] {
  const blocked = blockedText(why, nowMs);
  const failed = failure && failureText(failure, nowMs);
  const [first, ...more] = [blocked && paint('yellow', blocked), failed && paint('red', failed)].filter(
    Boolean,
  );
  return first ? [['launches', first], ...more.map((line) => ['', String(line)])] : [];
}

function failureText(failure: NonNullable<LaunchesView['failure']>, nowMs: number): string {
  const { at, message, times, since } = failure;
  const why = escapeLine(message);
  if (times === 1) return `the last one failed at ${formatRecentTime(at, nowMs)}: ${why}`;
  const from = since === undefined ? '' : ` since ${formatRecentTime(since, nowMs)}`;
  return `the last ${times} failed${from}, the latest at ${formatRecentTime(at, nowMs)}: ${why}`;
}

/** Why no instance is launched; undefined if nothing prevents it. */
function blockedText(
  { suspended, reason, since, suspensionReason }: LaunchesView,
  nowMs: number,
): string | undefined {
  const from = since === undefined ? '' : ` since ${formatRecentTime(since, nowMs)}`;
  if (reason === 'paused') {
    const isNew = since !== undefined && nowMs - Date.parse(since) < PAUSE_KNOWN_MS;
    const effect = isNew ? 'agents stop taking jobs within a minute' : 'no job is started';
    return `paused${from}: ${effect} (mayfly fleet resume)`;
  }
  if (reason === 'breaker') return `none${from}: too many instances in a row have failed (mayfly doctor)`;
  if (!suspended) return undefined;
  return `none: the process Launch is suspended${suspensionReason ? ` (${escapeLine(suspensionReason)})` : ''} (mayfly fleet resume)`;
}

function keeperText({ keeper }: FleetView, nowMs: number, paint: Paint): string {
  const { ranAt, failure } = keeper;
  if (ranAt === undefined) return paint('yellow', 'has not run yet');
  const ran = `ran ${formatDuration((nowMs - Date.parse(ranAt)) / 1000)} ago`;
  return failure ? paint('red', `${ran} and failed: ${escapeLine(failure)}`) : ran;
}

function instanceRow(one: InstanceView, view: FleetView, nowMs: number, paint: Paint): string[] {
  const { instance, status, type = '', zone = '', launchedAt } = one;
  return [
    escapeLine(instance),
    paint(STYLES[status], status),
    type,
    zone,
    launchedAt === undefined ? '' : formatDuration(since(launchedAt, nowMs)),
    jobsText(one),
    nextText(one, view, nowMs),
    reportedText(one, nowMs, paint),
  ];
}

/** The age of the last report, from which state, finished jobs and next action of an instance come. */
function reportedText({ reportedAt }: InstanceView, nowMs: number, paint: Paint): string {
  if (reportedAt === undefined) return '';
  const seconds = since(reportedAt, nowMs);
  const text = `${formatDuration(seconds)} ago`;
  return seconds < OLD_SECONDS ? text : paint('yellow', text);
}

function jobsText({ jobs, slots, jobsDone }: InstanceView): string {
  const named = jobs
    .slice(0, NAMED_JOBS)
    .map(({ id, ranSeconds = 0 }) => `${escapeLine(id)} for ${formatDuration(ranSeconds)}`);
  const more = jobs.length > NAMED_JOBS ? [`${jobs.length - NAMED_JOBS} more`] : [];
  const running = [...named, ...more].join(', ');
  if (slots === undefined) return running;
  return [`${jobs.length} of ${slots}${running ? `: ${running}` : ''}`, `${jobsDone ?? 0} done`].join('; ');
}

function nextText(one: InstanceView, view: FleetView, nowMs: number): string {
  const { status, reportedAt, idleSince } = one;
  switch (status) {
    case 'booting':
      return 'takes jobs once it has booted';
    case 'pooled':
      return 'waits in the warm pool';
    case 'working':
      return workingText(one, nowMs);
    case 'idle': {
      if (one.drainRequestedAt && one.next?.action !== 'leave') return DRAIN_REQUESTED;
      const idle = idleSince === undefined ? '' : `idle for ${formatDuration(since(idleSince, nowMs))}, `;
      return `${idle}${idleText(one, view, nowMs)}`;
    }
    case 'refused':
      return refusedText(one, nowMs);
    case 'leaving':
      return `leaves: ${one.next?.reason ? REASON_TEXTS[one.next.reason] : REASON_TEXTS['auto-scaling']}`;
    case 'silent':
      return `no report for ${formatDuration(since(reportedAt ?? '', nowMs))}: the keeper terminates it`;
    case 'gone':
      return 'the keeper cleans up after it';
  }
}

function refusedText({ refused }: InstanceView, nowMs: number): string {
  if (!refused) return '';
  const { what, error, since: from } = refused;
  return `cannot ${CANNOT[what]} since ${formatRecentTime(from, nowMs)}: ${escapeLine(error)}`;
}

function workingText({ next, slowed, drainRequestedAt }: InstanceView, nowMs: number): string {
  if (drainRequestedAt && next?.action !== 'leave') return DRAIN_REQUESTED;
  if (slowed) {
    const { failures, reason, since: from } = slowed;
    return `takes one job at a time since ${formatRecentTime(from, nowMs)}: ${failures} tries in a row failed (${escapeLine(reason)})`;
  }
  if (next?.at === undefined)
    return next?.action === 'leave' ? 'leaves when its jobs have ended' : 'continues';
  const why = next.reason ? ` (${DEADLINE_TEXTS[next.reason] ?? REASON_TEXTS[next.reason]})` : '';
  if (next.action === 'leave' || Date.parse(next.at) <= nowMs) return `leaves when its jobs have ended${why}`;
  return `takes no more jobs after ${formatRecentTime(next.at, nowMs)}${why}`;
}

function idleText({ next }: InstanceView, { capacity, launches }: FleetView, nowMs: number): string {
  if (next === undefined) return 'has not reported what it will do';
  // An instance whose agent does not know its queue yet stays as well, until its next report.
  if (next.action === 'stay') {
    return capacity.desired <= capacity.min ? 'stays: its group is at its minimum' : 'stays for now';
  }
  const why = next.reason && DEADLINE_TEXTS[next.reason] ? ` (${DEADLINE_TEXTS[next.reason]})` : '';
  const unless = next.action === 'retire' && launches.reason !== 'paused' ? ' if no job comes' : '';
  if (next.at === undefined) return next.action === 'work' ? 'continues' : `retires${why}`;
  const when =
    Date.parse(next.at) <= nowMs ? 'retires now' : `retires at ${formatRecentTime(next.at, nowMs)}`;
  return `${when}${unless}${why}`;
}

function retiredRow({ instance, endedAt, jobsDone, ...why }: RetiredView, nowMs: number): string[] {
  const done = jobsDone === undefined ? '' : String(jobsDone);
  return [escapeLine(instance), formatRecentTime(endedAt, nowMs), done, whyGone(why)];
}

function whyGone({
  reason,
  cause,
  idleSeconds = 0,
  rung,
  problem,
  lastError,
}: Omit<RetiredView, 'instance' | 'endedAt'>) {
  const idle = reason === 'idle' && idleSeconds > 0 ? ` for ${formatDuration(idleSeconds)}` : '';
  const detail = cause ?? problem;
  const suffix = detail ? `: ${escapeLine(detail)}` : '';
  // Set if AWS had refused to terminate it.
  const refused = lastError && rung !== 'terminate' ? ` (${rung}: ${escapeLine(lastError)})` : '';
  const why = reason === 'lost' && problem ? 'its agent gave up' : REASON_TEXTS[reason];
  return `${why}${idle}${suffix}${refused}`;
}

function since(at: string, nowMs: number): number {
  return Math.max(0, (nowMs - Date.parse(at)) / 1000);
}
