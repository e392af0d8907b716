import { HALTED_REQUEST_MS } from '../../groups/groups.ts';
import { HELD_BODY_DAYS } from '../../jobs/body-key.ts';
import { TERMINAL_STATES } from '../../jobs/record.ts';
import { formatDuration } from '../../lib/format-duration.ts';
import { countHeld, countHeldOf, type GroupState, type OutJob } from '../../policy/groups/state.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import { AccessDeniedError } from '../errors.ts';
import { formatTime } from '../format-time.ts';
import type { CheckInput, JobGroups } from './check-input.ts';
import { bad, checkRead, type Finding, ok, warn } from './finding.ts';

/** An agent frees a lane within seconds, and the keeper within a minute. */
const UNFREED_MS = 2 * 60_000;
/** A submission takes a minute for 100,000 jobs. */
const SUBMISSION_MS = 60 * 60_000;
/** Ten days before the bodies of held jobs may be gone. */
const OLD_HOLD_MS = (HELD_BODY_DAYS - 10) * 86_400_000;
/** Lines of details that a finding has at most. */
const MOST_LINES = 10;

/** Checks the groups of jobs: which are stopped or paused, which requests wait for a person, and which lanes nobody frees. */
export function checkJobGroups({ jobGroups: looked, fleet, nowMs }: CheckInput): Finding[] {
  if (looked.error instanceof AccessDeniedError) return [denied(looked.error)];
  return checkRead('job groups', looked, (seen) => {
    if (!seen) {
      const why = fleet.trackJobs
        ? 'an earlier version deployed the fleet'
        : 'the fleet keeps no records of jobs';
      return [ok('job groups', `none: ${why}`)];
    }
    const findings = [
      ...seen.groups.flatMap((group) => stopped(group, seen)),
      ...lostLanes(seen, nowMs),
      ...seen.requests.flatMap((request) => waiting(request, seen, nowMs)),
      ...seen.groups.flatMap(paused),
      ...unplaced(seen),
      ...longHeld(seen, nowMs),
    ];
    return findings.length > 0 ? findings : [ok('job groups', heldText(seen, nowMs))];
  });
}

function denied({ message }: AccessDeniedError): Finding {
  return warn(
    'job groups',
    `Could not be read. ${message}`,
    'An earlier version may have given these rights. Deploy the stack with this version: its grants cover groups and requests.',
  );
}

function stopped({ name, stopped: stop, out }: GroupState, { records }: JobGroups): Finding[] {
  if (!stop) return [];
  const { job, reason, atMs } = stop;
  const stage = out[job]?.job;
  const target = out[job]?.target ?? records.get(stage ?? job)?.target;
  const others = Object.entries(out).filter(([id, one]) => one.stage === 'unhealthy' && id !== job);
  return [
    bad(
      'job groups',
      `Group ${name} is stopped since ${formatTime(atMs)}: ${reason}${target === undefined ? '' : ` (target ${target})`}. None of its jobs is released.`,
      `When the target is healthy: mayfly group free ${job}; for all targets of the group: mayfly group resume ${name}`,
      others.slice(0, MOST_LINES).map(([id]) => `The target of job ${id} is unhealthy too.`),
    ),
  ];
}

/** Lanes that the keeper should have freed, or whose message it should have sent. */
function lostLanes({ groups, records }: JobGroups, nowMs: number): Finding[] {
  const lines = groups.flatMap(({ name, out }) =>
    Object.entries(out).flatMap(([id, job]) => {
      const why = explainLost(id, job, records, nowMs);
      return why === undefined ? [] : [`${name}: job ${job.job ?? id} ${why}.`];
    }),
  );
  if (lines.length === 0) return [];
  const more = lines.length > MOST_LINES ? [`${lines.length - MOST_LINES} more.`] : [];
  return [
    bad(
      'job groups',
      `${lines.length === 1 ? 'A lane is' : `${lines.length} lanes are`} held for jobs that nobody runs. The keeper goes on with these every minute, so it does not run or may not write the items of groups.`,
      'See the finding on the keeper. If AWS denies it calls, deploy the stack with this version.',
      [...lines.slice(0, MOST_LINES), ...more],
    ),
  ];
}

function explainLost(
  id: string,
  { job, stage, release, releasedAtMs }: OutJob,
  records: JobGroups['records'],
  nowMs: number,
): string | undefined {
  if (stage === 'unhealthy') return undefined;
  const record = records.get(job ?? id);
  const isOld = (sinceMs: number) => nowMs - sinceMs > UNFREED_MS;
  if (!record) return isOld(releasedAtMs) ? 'has no record' : undefined;
  const { state, endedAt, sentAt } = record;
  if (TERMINAL_STATES.has(state)) {
    if (!isOld(endedAt === undefined ? releasedAtMs : Date.parse(endedAt))) return undefined;
    return `is ${state}${endedAt === undefined ? '' : ` since ${formatTime(endedAt)}`}`;
  }
  const isSent = record.release === release && sentAt !== undefined;
  if (state !== 'held' || isSent || !isOld(releasedAtMs)) return undefined;
  return `was released at ${formatTime(releasedAtMs)}, and its message was not sent`;
}

/** A request that goes on only when a person does something. */
function waiting(request: RequestRecord, seen: JobGroups, nowMs: number): Finding[] {
  const { id, state, submittedAt } = request;
  if (state === 'preparing') {
    if (nowMs - Date.parse(submittedAt) < SUBMISSION_MS) return [];
    const since = formatTime(submittedAt);
    const text = `Request ${id} was not submitted whole, since ${since}: none of its jobs runs, and it is dropped a day after that.`;
    return [warn('job groups', text, 'Run its command again with the same id.')];
  }
  const halts = haltsOf(request, seen);
  const [first] = halts;
  if (!first) return [];
  const since = first.sinceMs === undefined ? '' : ` since ${formatTime(first.sinceMs)}`;
  const cancelAt =
    first.cancelAtMs === undefined
      ? ''
      : ` It is cancelled at ${formatTime(first.cancelAtMs)} unless somebody resumes it.`;
  const reason = first.reason === undefined ? '' : `: ${first.reason}`;
  return [
    warn(
      'job groups',
      `Request ${id} is ${first.state}${first.group === undefined ? '' : ` in group ${first.group}`}${since}${reason}.${cancelAt}`,
      `mayfly request resume ${id}, or mayfly request cancel ${id}`,
      halts.slice(1, MOST_LINES + 1).map((halt) => `It is ${halt.state} in group ${halt.group} too.`),
    ),
  ];
}

interface Halt {
  state: string;
  reason: string | undefined;
  group?: string;
  sinceMs: number | undefined;
  cancelAtMs: number | undefined;
}

/** Where a request is stopped or paused: as a whole, or in some of its groups, the longest first. */
function haltsOf({ id, state, reason, stoppedAt, cancelAt }: RequestRecord, { groups }: JobGroups): Halt[] {
  if (state === 'stopped' || state === 'paused') {
    const time = (at: string | undefined) => (at === undefined ? undefined : Date.parse(at));
    return [{ state, reason, sinceMs: time(stoppedAt), cancelAtMs: time(cancelAt) }];
  }
  if (state !== 'open') return [];
  const halts = groups.flatMap(({ name, requests }) =>
    requests.flatMap((open): Halt[] => {
      if (open.id !== id || (open.state !== 'stopped' && open.state !== 'paused')) return [];
      const { haltedAtMs: sinceMs } = open;
      const cancelAtMs = sinceMs === undefined ? undefined : sinceMs + HALTED_REQUEST_MS;
      return [{ state: open.state, reason: open.reason, group: name, sinceMs, cancelAtMs }];
    }),
  );
  return halts.toSorted((one, other) => (one.sinceMs ?? 0) - (other.sinceMs ?? 0));
}

function paused(group: GroupState): Finding[] {
  const { name, pausedAtMs } = group;
  if (pausedAtMs === undefined) return [];
  const held = countHeld(group);
  const jobs = held === 1 ? '1 job is' : `${held} jobs are`;
  const text = `Group ${name} is paused since ${formatTime(pausedAtMs)}: ${jobs} held.`;
  return [warn('job groups', text, `mayfly group resume ${name}`)];
}

function unplaced({ unplaced: jobs }: JobGroups): Finding[] {
  const [first] = jobs;
  if (first === undefined) return [];
  const shown = jobs.slice(0, MOST_LINES).join(', ');
  return [
    warn(
      'job groups',
      `These jobs are held, but are in no group, because the call that enqueued them was cut off: ${shown}${jobs.length > MOST_LINES ? ', ...' : ''}. Nobody releases them.`,
      `mayfly cancel ${first}, then mayfly retry ${first}; a job with a dedupe key: enqueue it again`,
    ),
  ];
}

function longHeld({ groups }: JobGroups, nowMs: number): Finding[] {
  return groups.flatMap((group) => {
    const sinceMs = oldestHeldMs(group);
    if (sinceMs === undefined || nowMs - sinceMs < OLD_HOLD_MS) return [];
    return [
      warn(
        'job groups',
        `Jobs of group ${group.name} are held since ${formatTime(sinceMs)}. The log bucket keeps their bodies of more than 1 KiB for ${HELD_BODY_DAYS} days: after that such a job fails.`,
        `Give the group more lanes: mayfly group set ${group.name} --lanes N; or cancel the jobs and enqueue them again`,
      ),
    ];
  });
}

/** As far as the group's own item says. Undefined: nothing is held. */
function oldestHeldMs({ requests, plain }: GroupState): number | undefined {
  const since = [
    ...requests.filter((request) => countHeldOf(request) > 0).map(({ submittedAtMs }) => submittedAtMs),
    ...plain.jobs.flatMap(({ sinceMs }) => sinceMs ?? []),
  ];
  return since.length === 0 ? undefined : Math.min(...since);
}

function heldText({ groups, isPartial }: JobGroups, nowMs: number): string {
  const held = groups.reduce((sum, group) => sum + countHeld(group), 0);
  if (held === 0) return isPartial ? 'none of those that were read holds a job' : 'no job is held';
  const oldest = Math.min(nowMs, ...groups.flatMap((group) => oldestHeldMs(group) ?? []));
  const among = isPartial ? ', not all groups were read' : '';
  return `held in turn: ${held} ${held === 1 ? 'job' : 'jobs'}, the oldest for ${formatDuration((nowMs - oldest) / 1000)}${among}`;
}
