import type { ScalingGroup } from '../../aws/scaling-group.ts';
import { formatTime } from '../format-time.ts';
import { describeProblem } from '../instance-problem.ts';
import { createLaunchesView } from '../instances/describe.ts';
import type { RefusedLaunches } from '../instances/refused-launches.ts';
import type { Boot, CheckInput } from './check-input.ts';
import { describeActivitiesCommand, resumeProcessCommand } from './commands.ts';
import { bad, checkRead, type Finding, ok, readValue, warn } from './finding.ts';
import { adviseOnRefusedLaunch } from './launch-refusals.ts';
import { findLastRefused } from './refused-instances.ts';
import { describeSavedLog } from './saved-log.ts';

/** Alarm, keeper and launch take a few minutes at most. Metrics of a queue that was idle can be 15 minutes late. */
const BACKLOG_MS = 20 * 60_000;
/** Auto Scaling launches within seconds. After a failure it waits longer each time. */
const LAUNCH_MS = 10 * 60_000;

/** Checks what prevents launches of instances. */
export function checkLaunches(facts: CheckInput): Finding[] {
  return checkRead('launches', facts.group, (group) => {
    const findings = [...suspension(facts, group), ...refusal(facts, group), ...missing(facts, group)];
    if (findings.length === 0) findings.push(...unexplained(facts, group));
    findings.push(...checkRead('launches', facts.activities, () => []));
    return findings.length > 0 ? findings : [ok('launches', 'nothing prevents them')];
  });
}

function suspension(facts: CheckInput, group: ScalingGroup): Finding[] {
  const { reason, since, suspensionReason } = createLaunchesView(
    group,
    readValue(facts.state) ?? {},
    readValue(facts.activities) ?? { launches: [], terminations: [] },
  );
  const from = since === undefined ? '' : ` since ${formatTime(since)}`;
  const findings: Finding[] = [];
  if (reason === 'paused') {
    findings.push(warn('launches', `The fleet is paused${from}: no job is started.`, 'mayfly fleet resume'));
  }
  if (reason === 'breaker') findings.push(breaker(facts, from));
  if (reason === 'other') {
    findings.push(
      bad(
        'launches',
        `The group's process Launch is suspended${by(suspensionReason)}${readValue(facts.state) ? ', and not by Mayfly' : ': why is not known without the table'}.`,
        readValue(facts.state) ? 'mayfly fleet resume' : 'Repair the table. Then: mayfly fleet resume',
      ),
    );
  }
  const ignored = group.suspended.get('AlarmNotification');
  if (ignored !== undefined) {
    findings.push(
      bad(
        'launches',
        `The group's process AlarmNotification is suspended${by(ignored)}: neither the alarm nor the keeper can launch an instance.`,
        resumeProcessCommand(facts.fleet, 'AlarmNotification'),
      ),
    );
  }
  return findings;
}

function breaker(facts: CheckInput, from: string): Finding {
  const { boots, state } = facts;
  const launched = readValue(boots) ?? [];
  const refused = findLastRefused(launched);
  const why = refused
    ? `The last instances ${refused.could}: ${refused.problem}`
    : (stallText(launched, readValue(state)?.stalledSinceMs) ??
      'Too many instances in a row did not boot, or could not run jobs');
  return bad(
    'launches',
    `${why}; no instance is launched${from}.`,
    `${refused ? refused.advice : 'Repair what the logs report.'} Then: mayfly fleet resume`,
    launched.map((boot) => bootText(boot, facts)),
  );
}

/** Undefined if the last terminated instance did not become ready, did jobs, or has another known problem. */
function stallText(launched: readonly Boot[], sinceMs: number | undefined): string | undefined {
  const { readyAt, retirement } = launched.find(({ record }) => record?.retirement)?.record ?? {};
  const isKnown = retirement?.problem !== undefined || Boolean(retirement?.jobsDone);
  if (sinceMs === undefined || readyAt === undefined || isKnown) return undefined;
  return `Jobs wait, and no instance has started one since ${formatTime(sinceMs)}, though the last ones were ready`;
}

function bootText(boot: Boot, facts: CheckInput): string {
  const { instance, launchedAtMs, record, savedLog } = boot;
  const { readyAt, retirement } = record ?? {};
  const problem = (record && describeProblem(record)) ?? retirement?.lastError;
  const booted = readyAt ? 'booted' : 'did not boot';
  const why = retirement
    ? `${retirement.reason}${problem ? ` (${problem})` : ''}`
    : (savedLog?.reason ?? 'not known');
  return `${instance}, launched ${formatTime(launchedAtMs)}: ${booted}; why it terminated: ${why}. ${describeSavedLog(boot, facts)}`;
}

function refusal({ activities, nowMs }: CheckInput, group: ScalingGroup): Finding[] {
  const refused = readValue(activities)?.refused;
  if (!refused) return [];
  const text = `${refusalText(refused)}: ${refused.message}`;
  const advice = adviseOnRefusedLaunch(refused.message);
  // A refusal is only a warning if no instance is missing any more.
  const waits = group.desired > alive(group) || nowMs - refused.atMs < LAUNCH_MS;
  return [waits ? bad('launches', text, advice) : warn('launches', text, advice)];
}

function refusalText({ atMs, times, sinceMs }: RefusedLaunches): string {
  if (times === 1) return `The last launch failed at ${formatTime(atMs)}`;
  const since = sinceMs === undefined ? '' : ` since ${formatTime(sinceMs)}`;
  return `The last ${times} launches have failed${since}, the latest at ${formatTime(atMs)}`;
}

/** More instances are desired than exist, and none is being launched. */
function missing({ activities, fleet, nowMs }: CheckInput, group: ScalingGroup): Finding[] {
  const lacking = group.desired - alive(group);
  const last = readValue(activities);
  if (lacking <= 0 || group.suspended.has('Launch') || !last || last.refused) return [];
  const latestMs = Math.max(
    0,
    ...[...last.launches, ...last.terminations].map(({ startedAtMs }) => startedAtMs),
  );
  if (nowMs - latestMs < LAUNCH_MS) return [];
  return [
    bad(
      'launches',
      `${group.desired} instances are desired, ${alive(group)} exist, and none was launched in the last 10 minutes.`,
      `See the group's activities: ${describeActivitiesCommand(fleet)}`,
    ),
  ];
}

/** Jobs wait, no instance is launched, and no other finding explains it. */
function unexplained({ queue, state, nowMs }: CheckInput, group: ScalingGroup): Finding[] {
  const visible = readValue(queue)?.visible ?? 0;
  const sinceMs = readValue(state)?.backlogSinceMs;
  if (visible === 0 || sinceMs === undefined || alive(group) > 0 || group.maxSize === 0) return [];
  if (nowMs - sinceMs < BACKLOG_MS) return [];
  return [
    bad(
      'launches',
      `${visible} jobs have been waiting since ${formatTime(sinceMs)}, and no instance was launched for them.`,
      "See the findings on the alarms and the keeper, and the group's activities.",
    ),
  ];
}

function alive({ members }: ScalingGroup): number {
  return members.filter(({ lifecycleState }) => !lifecycleState.startsWith('Terminat')).length;
}

function by(reason: string | undefined): string {
  return reason ? ` (${reason})` : '';
}
