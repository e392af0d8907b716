import type { ScalingGroup } from '../../aws/scaling-group.ts';
import { launchesView } from '../instances/instances.ts';
import { moment } from '../moment.ts';
import type { RefusedLaunches } from '../instances/refused-launches.ts';
import { problemOf } from '../why-gone.ts';
import { describeActivities, resumeProcess } from './commands.ts';
import type { Boot, Facts } from './facts.ts';
import { bad, type Finding, judged, ok, seenOf, warn } from './finding.ts';
import { refusalAdvice } from './refusals.ts';
import { lastRefused } from './refused.ts';
import { logText } from './saved-log.ts';

/** Alarm, keeper and launch take a few minutes at most. Metrics of a queue that was idle can be 15 minutes late. */
const BACKLOG_MS = 20 * 60_000;
/** Auto Scaling launches within seconds. After a failure it waits longer each time. */
const LAUNCH_MS = 10 * 60_000;

/** Checks what prevents launches of instances. */
export function judgeLaunches(facts: Facts): Finding[] {
  return judged('launches', facts.group, (group) => {
    const findings = [...suspension(facts, group), ...refusal(facts, group), ...missing(facts, group)];
    if (findings.length === 0) findings.push(...unexplained(facts, group));
    findings.push(...judged('launches', facts.activities, () => []));
    return findings.length > 0 ? findings : [ok('launches', 'nothing prevents them')];
  });
}

function suspension(facts: Facts, group: ScalingGroup): Finding[] {
  const { reason, since, said } = launchesView(
    group,
    seenOf(facts.state) ?? {},
    seenOf(facts.activities) ?? { launches: [], ends: [] },
  );
  const from = since === undefined ? '' : ` since ${moment(since)}`;
  const findings: Finding[] = [];
  if (reason === 'paused') {
    findings.push(warn('launches', `The fleet is paused${from}: no job is started.`, 'mayfly fleet resume'));
  }
  if (reason === 'breaker') findings.push(breaker(facts, from));
  if (reason === 'other') {
    findings.push(
      bad(
        'launches',
        `The group's process Launch is suspended${by(said)}${seenOf(facts.state) ? ', and not by Mayfly' : ': why is not known without the table'}.`,
        seenOf(facts.state) ? 'mayfly fleet resume' : 'Repair the table. Then: mayfly fleet resume',
      ),
    );
  }
  const ignored = group.suspended.get('AlarmNotification');
  if (ignored !== undefined) {
    findings.push(
      bad(
        'launches',
        `The group's process AlarmNotification is suspended${by(ignored)}: neither the alarm nor the keeper can launch an instance.`,
        resumeProcess(facts.fleet, 'AlarmNotification'),
      ),
    );
  }
  return findings;
}

function breaker(facts: Facts, from: string): Finding {
  const { boots, state } = facts;
  const launched = seenOf(boots) ?? [];
  const refused = lastRefused(launched);
  const why = refused
    ? `The last instances ${refused.could}: ${refused.problem}`
    : (stallText(launched, seenOf(state)?.stalledSinceMs) ??
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
  return `Jobs wait, and no instance has started one since ${moment(sinceMs)}, though the last ones were ready`;
}

function bootText(boot: Boot, facts: Facts): string {
  const { instance, launchedAtMs, record, savedLog } = boot;
  const { readyAt, retirement } = record ?? {};
  const problem = (record && problemOf(record)) ?? retirement?.lastError;
  const booted = readyAt ? 'booted' : 'did not boot';
  const why = retirement
    ? `${retirement.reason}${problem ? ` (${problem})` : ''}`
    : (savedLog?.reason ?? 'not known');
  return `${instance}, launched ${moment(launchedAtMs)}: ${booted}; why it terminated: ${why}. ${logText(boot, facts)}`;
}

function refusal({ activities, nowMs }: Facts, group: ScalingGroup): Finding[] {
  const refused = seenOf(activities)?.refused;
  if (!refused) return [];
  const text = `${refusalText(refused)}: ${refused.message}`;
  const advice = refusalAdvice(refused.message);
  // A refusal is only a warning if no instance is missing any more.
  const waits = group.desired > alive(group) || nowMs - refused.atMs < LAUNCH_MS;
  return [waits ? bad('launches', text, advice) : warn('launches', text, advice)];
}

function refusalText({ atMs, times, sinceMs }: RefusedLaunches): string {
  if (times === 1) return `The last launch failed at ${moment(atMs)}`;
  const since = sinceMs === undefined ? '' : ` since ${moment(sinceMs)}`;
  return `The last ${times} launches have failed${since}, the latest at ${moment(atMs)}`;
}

/** More instances are desired than exist, and none is being launched. */
function missing({ activities, fleet, nowMs }: Facts, group: ScalingGroup): Finding[] {
  const lacking = group.desired - alive(group);
  const last = seenOf(activities);
  if (lacking <= 0 || group.suspended.has('Launch') || !last || last.refused) return [];
  const latestMs = Math.max(0, ...[...last.launches, ...last.ends].map(({ startedAtMs }) => startedAtMs));
  if (nowMs - latestMs < LAUNCH_MS) return [];
  return [
    bad(
      'launches',
      `${group.desired} instances are desired, ${alive(group)} exist, and none was launched in the last 10 minutes.`,
      `See the group's activities: ${describeActivities(fleet)}`,
    ),
  ];
}

/** Jobs wait, no instance is launched, and no other finding explains it. */
function unexplained({ queue, state, nowMs }: Facts, group: ScalingGroup): Finding[] {
  const visible = seenOf(queue)?.visible ?? 0;
  const sinceMs = seenOf(state)?.backlogSinceMs;
  if (visible === 0 || sinceMs === undefined || alive(group) > 0 || group.maxSize === 0) return [];
  if (nowMs - sinceMs < BACKLOG_MS) return [];
  return [
    bad(
      'launches',
      `${visible} jobs have been waiting since ${moment(sinceMs)}, and no instance was launched for them.`,
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
