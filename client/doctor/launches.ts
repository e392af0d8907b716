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

/** Alarm, keeper and launch take a few minutes at most; metrics of a queue that was idle may come 15 minutes late. */
const PATIENCE_MS = 20 * 60_000;
/** An instance is asked for within seconds; after a failure Auto Scaling waits for longer each time. */
const LAUNCH_MS = 10 * 60_000;

/** What keeps instances from being launched. */
export function judgeLaunches(facts: Facts): Finding[] {
  return judged('launches', facts.group, (group) => {
    const findings = [...suspension(facts, group), ...refusal(facts, group), ...missing(facts, group)];
    if (findings.length === 0) findings.push(...unexplained(facts, group));
    findings.push(...judged('launches', facts.activities, () => []));
    return findings.length > 0 ? findings : [ok('launches', 'nothing holds them back')];
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
        `The group's process Launch is suspended${by(said)}${seenOf(facts.state) ? ', and not by us' : ': why is not known without the table'}.`,
        seenOf(facts.state) ? 'mayfly fleet resume' : 'Mend the table. Then: mayfly fleet resume',
      ),
    );
  }
  const ignored = group.suspended.get('AlarmNotification');
  if (ignored !== undefined) {
    findings.push(
      bad(
        'launches',
        `The group's process AlarmNotification is suspended${by(ignored)}: neither the alarm nor the keeper launches anything.`,
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
      'Too many instances in a row did not boot, or were of no use');
  return bad(
    'launches',
    `${why}; nothing is launched${from}.`,
    `${refused ? refused.advice : 'Mend what the logs say.'} Then: mayfly fleet resume`,
    launched.map((boot) => bootText(boot, facts)),
  );
}

/** What the last instance that went leaves to be said, if it was ready and nothing else is known to be wrong with it. */
function stallText(launched: readonly Boot[], sinceMs: number | undefined): string | undefined {
  const { readyAt, retirement } = launched.find(({ record }) => record?.retirement)?.record ?? {};
  const isKnown = retirement?.problem !== undefined || Boolean(retirement?.jobsDone);
  if (sinceMs === undefined || readyAt === undefined || isKnown) return undefined;
  return `Jobs wait, and no instance has started one since ${moment(sinceMs)}, though the last ones were ready`;
}

function bootText(boot: Boot, facts: Facts): string {
  const { instance, launchedAtMs, record, savedLog } = boot;
  const { readyAt, retirement } = record ?? {};
  const said = (record && problemOf(record)) ?? retirement?.lastError;
  const booted = readyAt ? 'booted' : 'did not boot';
  const why = retirement
    ? `${retirement.reason}${said ? ` (${said})` : ''}`
    : (savedLog?.reason ?? 'not known');
  return `${instance}, launched ${moment(launchedAtMs)}: ${booted}; why it went: ${why}. ${logText(boot, facts)}`;
}

function refusal({ activities, nowMs }: Facts, group: ScalingGroup): Finding[] {
  const refused = seenOf(activities)?.refused;
  if (!refused) return [];
  const text = `${refusalText(refused)}: ${refused.message}`;
  const advice = refusalAdvice(refused.message);
  // One that nobody waits for any more is the past.
  const waits = group.desired > alive(group) || nowMs - refused.atMs < LAUNCH_MS;
  return [waits ? bad('launches', text, advice) : warn('launches', text, advice)];
}

function refusalText({ atMs, times, sinceMs }: RefusedLaunches): string {
  if (times === 1) return `The last launch has failed at ${moment(atMs)}`;
  const since = sinceMs === undefined ? '' : ` since ${moment(sinceMs)}`;
  return `The last ${times} launches have failed${since}, the latest at ${moment(atMs)}`;
}

/** More are desired than run, and nothing is on its way. */
function missing({ activities, fleet, nowMs }: Facts, group: ScalingGroup): Finding[] {
  const lacking = group.desired - alive(group);
  const last = seenOf(activities);
  if (lacking <= 0 || group.suspended.has('Launch') || !last || last.refused) return [];
  const latestMs = Math.max(0, ...[...last.launches, ...last.ends].map(({ startedAtMs }) => startedAtMs));
  if (nowMs - latestMs < LAUNCH_MS) return [];
  return [
    bad(
      'launches',
      `${group.desired} instances are desired, ${alive(group)} are there, and none was launched for 10 minutes.`,
      `Look at the group's activities: ${describeActivities(fleet)}`,
    ),
  ];
}

/** Jobs wait, nobody comes, and nothing that is known says why. */
function unexplained({ queue, state, nowMs }: Facts, group: ScalingGroup): Finding[] {
  const visible = seenOf(queue)?.visible ?? 0;
  const sinceMs = seenOf(state)?.backlogSinceMs;
  if (visible === 0 || sinceMs === undefined || alive(group) > 0 || group.maxSize === 0) return [];
  if (nowMs - sinceMs < PATIENCE_MS) return [];
  return [
    bad(
      'launches',
      `${visible} jobs wait since ${moment(sinceMs)}, and no instance was launched for them.`,
      "See what is said of alarm and keeper here, and the group's activities.",
    ),
  ];
}

function alive({ members }: ScalingGroup): number {
  return members.filter(({ lifecycleState }) => !lifecycleState.startsWith('Terminat')).length;
}

function by(said: string | undefined): string {
  return said ? ` (${said})` : '';
}
