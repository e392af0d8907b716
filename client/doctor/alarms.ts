import { parsePolicyName } from '../../aws/scaling-policy.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { type AlarmWatch, backlogWatch, bootBreakerWatch, findDifferences } from './alarm-settings.ts';
import type { CheckInput, DeployedAlarm, DeployedPolicy } from './check-input.ts';
import { enableAlarmCommand, putAlarmCommand } from './commands.ts';
import { bad, checkRead, type Finding, ok, readValue, warn } from './finding.ts';
import { DEPLOY_FOR_COMMAND } from './scaling.ts';

const SLOWER = 'only the keeper launches instances now, minutes later';
const NOT_NOTIFIED = 'nobody is notified when the fleet stops launching instances';

export function checkAlarms({ alarms, policies, fleet }: CheckInput): Finding[] {
  const { backlogAlarm, bootBreakerAlarm } = fleet;
  if (backlogAlarm === undefined || bootBreakerAlarm === undefined) return [];
  return checkRead('alarms', alarms, (seen) => {
    const findings = [
      ...backlog(backlogAlarm, seen.get(backlogAlarm), policyOf(fleet, readValue(policies)), fleet),
      ...bootBreaker(bootBreakerAlarm, seen.get(bootBreakerAlarm), fleet),
    ];
    return findings.length > 0 ? findings : [ok('alarms', 'both exist and have their actions')];
  });
}

/** `unknown`: it could not be read. */
function policyOf(
  { policyArn }: FleetFacts,
  policies: ReadonlyMap<string, DeployedPolicy> | undefined,
): DeployedPolicy | 'gone' | 'unknown' {
  if (policyArn === undefined || !policies) return 'unknown';
  return policies.get(parsePolicyName(policyArn)) ?? 'gone';
}

function backlog(
  name: string,
  alarm: DeployedAlarm | undefined,
  policy: DeployedPolicy | 'gone' | 'unknown',
  fleet: FleetFacts,
): Finding[] {
  const repair = repairBacklog(name, alarm, policy, fleet);
  if (!alarm) return [bad('alarms', `The alarm ${name} is gone: ${SLOWER}.`, repair)];
  if (!alarm.actionsEnabled) {
    const text = `The actions of the alarm ${name} are disabled: ${SLOWER}.`;
    return [bad('alarms', text, enableAlarmCommand(fleet, name))];
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
  alarm: DeployedAlarm | undefined,
  policy: DeployedPolicy | 'gone' | 'unknown',
  fleet: FleetFacts,
): string {
  const watch = backlogWatch(fleet);
  if (!watch) return DEPLOY_FOR_COMMAND;
  if (policy === 'unknown')
    return "Set the scaling policy of the group as the alarm's action, as the stack does.";
  if (policy === 'gone') return 'Create the scaling policy again first. Then run `mayfly doctor` again.';
  const own =
    alarm?.actions.filter((arn) => !arn.endsWith(`:policyName/${parsePolicyName(policy.arn)}`)) ?? [];
  return putAlarmCommand(fleet, name, { ...keptOf(alarm), ...watch, actions: [policy.arn, ...own] });
}

function bootBreaker(name: string, alarm: DeployedAlarm | undefined, fleet: FleetFacts): Finding[] {
  const watch = bootBreakerWatch(fleet);
  const { alarmTopic } = fleet;
  const kept = keptOf(alarm);
  const withTopic = (actions: readonly string[]) =>
    alarmTopic === undefined ? actions : [...new Set([alarmTopic, ...actions])];
  const repair = putAlarmCommand(fleet, name, {
    ...{ ...kept, ...watch },
    ...{ actions: withTopic(kept.actions), okActions: withTopic(kept.okActions) },
  });
  if (!alarm) return [warn('alarms', `The alarm ${name} is gone: ${NOT_NOTIFIED}.`, repair)];
  if (!alarm.actionsEnabled) {
    const text = `The actions of the alarm ${name} are disabled: ${NOT_NOTIFIED}.`;
    return [warn('alarms', text, enableAlarmCommand(fleet, name))];
  }
  if (alarmTopic !== undefined && !alarm.actions.includes(alarmTopic)) {
    return [warn('alarms', `The alarm ${name} does not notify its topic: ${NOT_NOTIFIED}.`, repair)];
  }
  return changed(name, alarm, watch, repair);
}

function changed(
  name: string,
  alarm: DeployedAlarm,
  watch: AlarmWatch | undefined,
  repair: string,
): Finding[] {
  const differences = watch ? findDifferences(alarm, watch) : [];
  if (differences.length === 0) return [];
  return [warn('alarms', `The alarm ${name} was changed by hand: ${differences.join('; ')}.`, repair)];
}

/** Keeps what the owner has added. */
function keptOf(alarm: DeployedAlarm | undefined) {
  const { description, actions = [], okActions = [], insufficientDataActions = [] } = alarm ?? {};
  return { ...(description && { description }), actions, okActions, insufficientDataActions };
}
