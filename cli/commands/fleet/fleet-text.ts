import type { FleetView, LaunchesView } from '../../../client/instances/instances.ts';
import type { InstanceView, RetiredView } from '../../../client/instances/instances-view.ts';
import { CANNOT } from '../../../client/instances/refused-words.ts';
import { columns, NARROWEST, pad, wrap } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import type { Paint, Style } from '../../terminal/paint.ts';
import { count, span } from '../../terminal/words.ts';
import { moment, WHEN, WHY } from './fleet-words.ts';

/** Jobs of one instance that are named; of more only how many there are. */
const NAMED_JOBS = 2;

const UNHEARD_DRAIN = 'is to be drained: its agent hears of it with its next report';
/** Agents report once a minute. */
const OLD_SECONDS = 120;

const STYLES: Record<InstanceView['doing'], Style> = {
  booting: 'cyan',
  pooled: 'gray',
  working: 'green',
  idle: 'yellow',
  refused: 'red',
  leaving: 'magenta',
  silent: 'red',
  gone: 'red',
};

/** A fleet for people. */
export function fleetText(view: FleetView, nowMs: number, paint: Paint, lineWidth: number): string {
  const { instances, retired } = view;
  const running =
    instances.length === 0
      ? 'No instances.'
      : columns(
          ['instance', 'state', 'type', 'zone', 'up', 'jobs', 'next', 'heard'],
          instances.map((one) => instanceRow(one, view, nowMs, paint)),
          { lineWidth },
        );
  const gone =
    retired.length === 0
      ? []
      : [
          columns(
            ['gone', 'at', 'jobs', 'why'],
            retired.map((one) => retiredRow(one, nowMs)),
            { lineWidth },
          ),
        ];
  return [summary(view, nowMs, paint, lineWidth), running, ...gone].join('\n\n');
}

/** From a pause to the report with which the last agent hears of it, as `reportInterval` is by default. */
const HEARD_MS = 60_000;

/** Before what a line of the summary says: its name, and a gap. */
const SUMMARY_INDENT = ' '.repeat('capacity  '.length);

function summary(view: FleetView, nowMs: number, paint: Paint, lineWidth: number): string {
  const { capacity, deadLetters } = view;
  const lines = [
    ['queue', queueText(view, nowMs)],
    ...(deadLetters ? [['', paint('red', `${count(deadLetters, 'dead letter')} (mayfly dlq list)`)]] : []),
    ['capacity', `${capacity.desired} desired, of ${capacity.min} to ${capacity.max}`],
    ...launchLines(view.launches, nowMs, paint),
    ['keeper', keeperText(view, nowMs, paint)],
  ];
  const heading = `${paint('bold', escapeLine(view.fleet))} in ${escapeLine(view.region)} at ${moment(view.at, nowMs)}`;
  const room = Math.max(NARROWEST, lineWidth - SUMMARY_INDENT.length);
  const inLines = (text: string) => wrap(text, room, { cutsWords: false }).join(`\n${SUMMARY_INDENT}`);
  const told = lines.map(([name = '', text = '']) => `${pad(name, SUMMARY_INDENT.length)}${inLines(text)}`);
  return [heading, ...told].join('\n');
}

function queueText({ queue }: FleetView, nowMs: number): string {
  const { visible, inFlight, delayed, waitingSince } = queue;
  const since = waitingSince === undefined ? '' : ` since ${moment(waitingSince, nowMs)}`;
  return `${visible} waiting${since}, ${inFlight} in flight, ${delayed} delayed`;
}

function launchLines({ failure, ...why }: LaunchesView, nowMs: number, paint: Paint): string[][] {
  const held = heldBack(why, nowMs);
  const failed = failure && failureText(failure, nowMs);
  const [first, ...more] = [held && paint('yellow', held), failed && paint('red', failed)].filter(Boolean);
  return first ? [['launches', first], ...more.map((line) => ['', String(line)])] : [];
}

function failureText(failure: NonNullable<LaunchesView['failure']>, nowMs: number): string {
  const { at, message, times, since } = failure;
  const why = escapeLine(message);
  if (times === 1) return `the last one failed at ${moment(at, nowMs)}: ${why}`;
  const from = since === undefined ? '' : ` since ${moment(since, nowMs)}`;
  return `the last ${times} failed${from}, the latest at ${moment(at, nowMs)}: ${why}`;
}

function heldBack({ suspended, reason, since, said }: LaunchesView, nowMs: number): string | undefined {
  const from = since === undefined ? '' : ` since ${moment(since, nowMs)}`;
  if (reason === 'paused') {
    const isNew = since !== undefined && nowMs - Date.parse(since) < HEARD_MS;
    const effect = isNew ? 'agents hear of it within a minute' : 'no job is started';
    return `paused${from}: ${effect} (mayfly fleet resume)`;
  }
  if (reason === 'breaker') return `none${from}: too many instances in a row have failed (mayfly doctor)`;
  if (!suspended) return undefined;
  return `none: the process Launch is suspended${said ? ` (${escapeLine(said)})` : ''} (mayfly fleet resume)`;
}

function keeperText({ keeper }: FleetView, nowMs: number, paint: Paint): string {
  const { ranAt, failure } = keeper;
  if (ranAt === undefined) return paint('yellow', 'has not run yet');
  const ran = `ran ${span((nowMs - Date.parse(ranAt)) / 1000)} ago`;
  return failure ? paint('red', `${ran} and failed: ${escapeLine(failure)}`) : ran;
}

function instanceRow(one: InstanceView, view: FleetView, nowMs: number, paint: Paint): string[] {
  const { instance, doing, type = '', zone = '', launchedAt } = one;
  return [
    escapeLine(instance),
    paint(STYLES[doing], doing),
    type,
    zone,
    launchedAt === undefined ? '' : span(since(launchedAt, nowMs)),
    jobsText(one),
    nextText(one, view, nowMs),
    heardText(one, nowMs, paint),
  ];
}

/** How old it is what an instance tells of itself: its state, the jobs that it has done, and what comes next. */
function heardText({ heardAt }: InstanceView, nowMs: number, paint: Paint): string {
  if (heardAt === undefined) return '';
  const seconds = since(heardAt, nowMs);
  const text = `${span(seconds)} ago`;
  return seconds < OLD_SECONDS ? text : paint('yellow', text);
}

function jobsText({ jobs, slots, jobsDone }: InstanceView): string {
  const named = jobs
    .slice(0, NAMED_JOBS)
    .map(({ id, ranSeconds = 0 }) => `${escapeLine(id)} for ${span(ranSeconds)}`);
  const more = jobs.length > NAMED_JOBS ? [`${jobs.length - NAMED_JOBS} more`] : [];
  const running = [...named, ...more].join(', ');
  if (slots === undefined) return running;
  return [`${jobs.length} of ${slots}${running ? `: ${running}` : ''}`, `${jobsDone ?? 0} done`].join('; ');
}

function nextText(one: InstanceView, view: FleetView, nowMs: number): string {
  const { doing, heardAt, idleSince } = one;
  switch (doing) {
    case 'booting':
      return 'takes jobs once it has booted';
    case 'pooled':
      return 'waits in the warm pool';
    case 'working':
      return workingText(one, nowMs);
    case 'idle': {
      if (one.drainRequestedAt && one.next?.action !== 'leave') return UNHEARD_DRAIN;
      const idle = idleSince === undefined ? '' : `idle for ${span(since(idleSince, nowMs))}, `;
      return `${idle}${idleText(one, view, nowMs)}`;
    }
    case 'refused':
      return refusedText(one, nowMs);
    case 'leaving':
      return `leaves: ${one.next?.reason ? WHY[one.next.reason] : WHY['auto-scaling']}`;
    case 'silent':
      return `not heard of for ${span(since(heardAt ?? '', nowMs))}: the keeper ends it`;
    case 'gone':
      return 'the keeper settles what it left';
  }
}

function refusedText({ refused }: InstanceView, nowMs: number): string {
  if (!refused) return '';
  const { what, error, since: from } = refused;
  return `cannot ${CANNOT[what]} since ${moment(from, nowMs)}: ${escapeLine(error)}`;
}

function workingText({ next, slowed, drainRequestedAt }: InstanceView, nowMs: number): string {
  if (drainRequestedAt && next?.action !== 'leave') return UNHEARD_DRAIN;
  if (slowed) {
    const { failures, reason, since: from } = slowed;
    return `takes one job at a time since ${moment(from, nowMs)}: ${failures} tries in a row failed (${escapeLine(reason)})`;
  }
  if (next?.at === undefined)
    return next?.action === 'leave' ? 'leaves when its jobs have ended' : 'works on';
  const why = next.reason ? ` (${WHEN[next.reason] ?? WHY[next.reason]})` : '';
  if (next.action === 'leave' || Date.parse(next.at) <= nowMs) return `leaves when its jobs have ended${why}`;
  return `takes no more jobs from ${moment(next.at, nowMs)} on${why}`;
}

function idleText({ next }: InstanceView, { capacity, launches }: FleetView, nowMs: number): string {
  if (next === undefined) return 'has not said what it will do';
  // One that has not heard of its queue yet stays as well, until its next report.
  if (next.action === 'stay') {
    return capacity.desired <= capacity.min ? 'stays: its group is at its minimum' : 'stays for now';
  }
  const why = next.reason && WHEN[next.reason] ? ` (${WHEN[next.reason]})` : '';
  const unless = next.action === 'retire' && launches.reason !== 'paused' ? ' if no job comes' : '';
  if (next.at === undefined) return next.action === 'work' ? 'works on' : `retires${why}`;
  const when = Date.parse(next.at) <= nowMs ? 'retires now' : `retires at ${moment(next.at, nowMs)}`;
  return `${when}${unless}${why}`;
}

function retiredRow({ instance, endedAt, jobsDone, ...why }: RetiredView, nowMs: number): string[] {
  const done = jobsDone === undefined ? '' : String(jobsDone);
  return [escapeLine(instance), moment(endedAt, nowMs), done, whyGone(why)];
}

function whyGone({
  reason,
  cause,
  idleSeconds = 0,
  rung,
  problem,
  lastError,
}: Omit<RetiredView, 'instance' | 'endedAt'>) {
  const idle = reason === 'idle' && idleSeconds > 0 ? ` for ${span(idleSeconds)}` : '';
  const said = cause ?? problem;
  const words = said ? `: ${escapeLine(said)}` : '';
  // Where AWS had refused to let it go.
  const refused = lastError && rung !== 'terminate' ? ` (${rung}: ${escapeLine(lastError)})` : '';
  const why = reason === 'lost' && problem ? 'its agent gave up' : WHY[reason];
  return `${why}${idle}${words}${refused}`;
}

function since(at: string, nowMs: number): number {
  return Math.max(0, (nowMs - Date.parse(at)) / 1000);
}
