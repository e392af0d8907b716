import { formatDuration } from '../../lib/format-duration.ts';
import type { HeldReason } from '../../policy/groups/held.ts';
import type { GroupState, OutJob } from '../../policy/groups/state.ts';
import { formatTime } from '../format-time.ts';
import type { WaitingView } from '../jobs/view.ts';

/** What the text about a held job names. */
export interface HeldNames {
  group: GroupState;
  /** Id of its request. */
  request?: string | undefined;
  /** The targets of the jobs that have lanes, by job. */
  targets: ReadonlyMap<string, string>;
  /** The target of the job, and which job has it. */
  target?: string | undefined;
  holder?: { job: string; group: string; since: string } | undefined;
  nowMs: number;
}

/** Jobs that have lanes and are named. Further ones are counted. */
const NAMED = 3;

/** What a held job waits for, as a clause without a full stop. */
export function createHeldView(reason: HeldReason, names: HeldNames): WaitingView {
  const sinceMs = sinceOf(reason, names);
  return {
    what: reason.what,
    text: textOf(reason, names),
    ...(sinceMs !== undefined && { since: new Date(sinceMs).toISOString() }),
  };
}

/** The jobs of which the text of a reason names the targets. */
export function namedHolders(reason: HeldReason): string[] {
  return 'holders' in reason ? reason.holders.slice(0, NAMED) : [];
}

function sinceOf(reason: HeldReason, { group, holder }: HeldNames): number | undefined {
  if ('sinceMs' in reason) return reason.sinceMs;
  if (reason.what === 'target') return holder && Date.parse(holder.since);
  if ('holders' in reason) return group.out[reason.holders[0] ?? '']?.sinceMs;
  return undefined;
}

function textOf(reason: HeldReason, names: HeldNames): string {
  const { group, request = '' } = names;
  const { name } = group;
  switch (reason.what) {
    case 'preparing':
      return `request ${request} is not written completely yet: the command that makes it goes on, or is to be repeated`;
    case 'request':
      return requestText(reason, request);
    case 'group':
      return reason.state === 'stopped'
        ? `group ${name} is stopped since ${formatTime(reason.sinceMs)}: ${reason.reason}; \`mayfly group show ${name}\` says what to do`
        : `group ${name} is paused since ${formatTime(reason.sinceMs)}; \`mayfly group resume ${name}\` ends the pause`;
    case 'target':
      return targetText(names);
    case 'targets':
      return `${reason.waiting} jobs before it wait for their targets, which other jobs have`;
    case 'batch': {
      const { batch, batches, current, left } = reason;
      return `batch ${batch} of ${batches} has not begun: ${count(left, 'job')} of batch ${current} ${left === 1 ? 'has' : 'have'} not ended`;
    }
    case 'throttle': {
      const { throttle, holders } = reason;
      return `request ${request} may have ${count(throttle, 'job')} of ${name} out at a time, and has ${holdersText(holders, names)}${beforeText(reason)}`;
    }
    case 'lanes':
      return `${lanesText(reason, names)}${beforeText(reason)}`;
    case 'release':
      return 'nothing: its group releases it within a minute';
  }
}

function requestText(
  { state, reason, sinceMs }: Extract<HeldReason, { what: 'request' }>,
  request: string,
): string {
  const since = sinceMs === undefined ? '' : ` since ${formatTime(sinceMs)}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  if (state === 'cancelled')
    return `request ${request} was cancelled${why}; the job is skipped within a minute`;
  return `request ${request} is ${state}${since}${why}; \`mayfly request resume ${request}\` goes on with it`;
}

function targetText({ target, holder, nowMs }: HeldNames): string {
  const what = target === undefined ? 'its target' : `target ${target}`;
  if (!holder) return `${what} was busy when its turn came; it is tried again within a minute`;
  return `${what} is with ${holder.job} of ${holder.group} for ${ageText(Date.parse(holder.since), nowMs)}`;
}

function lanesText({ lanes, holders }: Extract<HeldReason, { what: 'lanes' }>, names: HeldNames): string {
  const { name } = names.group;
  // Lanes were lowered while more jobs were out.
  if (holders.length > lanes) {
    return `${name} has ${count(lanes, 'lane')}, and more jobs are out: ${holdersText(holders, names)}`;
  }
  const taken = holders
    .slice(0, NAMED)
    .map(
      (id, index) =>
        `lane ${index + 1} of ${lanes}${index === 0 ? ` of ${name}` : ''} has ${holderText(id, names)}`,
    );
  const more = holders.length - taken.length;
  return [
    ...taken,
    ...(more > 0 ? [`${count(more, 'more lane')} ${more === 1 ? 'is' : 'are'} taken`] : []),
  ].join(', ');
}

function holdersText(holders: readonly string[], names: HeldNames): string {
  const named = holders.slice(0, NAMED).map((id) => holderText(id, names));
  const more = holders.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** `j-1 on s2 for 4 min`. */
function holderText(id: string, { group, targets, nowMs }: HeldNames): string {
  const job = group.out[id];
  const target = job?.target ?? targets.get(id);
  const age = job ? ` for ${ageText(job.sinceMs, nowMs)}` : '';
  return `${stageText(job)}${id}${target === undefined ? '' : ` on ${target}`}${age}`;
}

function stageText(job: OutJob | undefined): string {
  if (job?.stage === 'rollBack') return 'the roll-back of ';
  if (job?.stage === 'check') return 'the health check of ';
  return '';
}

function beforeText({ before }: { before: number }): string {
  return before === 0 ? '' : `; ${count(before, 'job')} ${before === 1 ? 'is' : 'are'} before it`;
}

function ageText(sinceMs: number, nowMs: number): string {
  return formatDuration(Math.max(0, nowMs - sinceMs) / 1000);
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
