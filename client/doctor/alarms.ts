import { policyNameOf } from '../../aws/scaling-policy.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { type AlarmWatch, backlogWatch, bootBreakerWatch, differencesOf } from './alarm-settings.ts';
import { enableAlarm, putAlarm } from './commands.ts';
import type { AlarmSeen, Facts, PolicySeen } from './facts.ts';
import { bad, type Finding, judged, ok, seenOf, warn } from './finding.ts';
import { UNTOLD } from './scaling.ts';

const SLOWER = 'only the keeper launches instances now, minutes later';
const NOT_NOTIFIED = 'nobody is notified when the fleet stops launching instances';

export function judgeAlarms({ alarms, policies, fleet }: Facts): Finding[] {
  const { backlogAlarm, bootBreakerAlarm } = fleet;
  if (backlogAlarm === undefined || bootBreakerAlarm === undefined) return [];
  return judged('alarms', alarms, (seen) => {
    const findings = [
      ...backlog(backlogAlarm, seen.get(backlogAlarm), policyOf(fleet, seenOf(policies)), fleet),
      ...bootBreaker(bootBreakerAlarm, seen.get(bootBreakerAlarm), fleet),
    ];
    return findings.length > 0 ? findings : [ok('alarms', 'both exist and have their actions')];
  });
}

/** `unknown`: it could not be read. */
function policyOf(
  { policyArn }: FleetFacts,
  policies: ReadonlyMap<string, PolicySeen> | undefined,
): PolicySeen | 'gone' | 'unknown' {
  if (policyArn === undefined || !policies) return 'unknown';
  return policies.get(policyNameOf(policyArn)) ?? 'gone';
}

function backlog(
  name: string,
  alarm: AlarmSeen | undefined,
  policy: PolicySeen | 'gone' | 'unknown',
  fleet: FleetFacts,
): Finding[] {
  const repair = repairBacklog(name, alarm, policy, fleet);
  if (!alarm) return [bad('alarms', `The alarm ${name} is gone: ${SLOWER}.`, repair)];
  if (!alarm.actionsEnabled) {
    const text = `The actions of the alarm ${name} are disabled: ${SLOWER}.`;
    return [bad('alarms', text, enableAlarm(fleet, name))];
  }
  if (alarm.actions.length === 0) {
    return [bad('alarms', `The alarm ${name} has no action: ${SLOWER}.`, repair)];
  }
  if (typeof policy === 'object' && !alarm.actions.includes(policy.arn)) {
    return [bad('alarms', `The alarm ${name} does not execute the scaling policy: ${SLOWER}.`, repair)];
  }
  return changed(name, alarm, backlogWatch(fleet), repair);
}

function repairBacklog(
  name: string,
  alarm: AlarmSeen | undefined,
  policy: PolicySeen | 'gone' | 'unknown',
  fleet: FleetFacts,
): string {
  const watch = backlogWatch(fleet);
  if (!watch) return UNTOLD;
  if (policy === 'unknown')
    return "Set the scaling policy of the group as the alarm's action, as the stack does.";
  if (policy === 'gone') return 'Create the scaling policy again first. Then run `mayfly doctor` again.';
  const own = alarm?.actions.filter((arn) => !arn.endsWith(`:policyName/${policyNameOf(policy.arn)}`)) ?? [];
  return putAlarm(fleet, name, { ...keptOf(alarm), ...watch, actions: [policy.arn, ...own] });
}

function bootBreaker(name: string, alarm: AlarmSeen | undefined, fleet: FleetFacts): Finding[] {
  const watch = bootBreakerWatch(fleet);
  const { alarmTopic } = fleet;
  const kept = keptOf(alarm);
  const withTopic = (actions: readonly string[]) =>
    alarmTopic === undefined ? actions : [...new Set([alarmTopic, ...actions])];
  const repair = putAlarm(fleet, name, {
    ...{ ...kept, ...watch },
    ...{ actions: withTopic(kept.actions), okActions: withTopic(kept.okActions) },
  });
  if (!alarm) return [warn('alarms', `The alarm ${name} is gone: ${NOT_NOTIFIED}.`, repair)];
  if (!alarm.actionsEnabled) {
    const text = `The actions of the alarm ${name} are disabled: ${NOT_NOTIFIED}.`;
    return [warn('alarms', text, enableAlarm(fleet, name))];
  }
  if (alarmTopic !== undefined && !alarm.actions.includes(alarmTopic)) {
    return [warn('alarms', `The alarm ${name} does not notify its topic: ${NOT_NOTIFIED}.`, repair)];
  }
  return changed(name, alarm, watch, repair);
}

function changed(name: string, alarm: AlarmSeen, watch: AlarmWatch | undefined, repair: string): Finding[] {
  const differences = watch ? differencesOf(alarm, watch) : [];
  if (differences.length === 0) return [];
  return [warn('alarms', `The alarm ${name} was changed by hand: ${differences.join('; ')}.`, repair)];
}

/** Keeps what the owner has added. */
function keptOf(alarm: AlarmSeen | undefined) {
  const { description, actions = [], okActions = [], insufficientDataActions = [] } = alarm ?? {};
  return { ...(description && { description }), actions, okActions, insufficientDataActions };
}
