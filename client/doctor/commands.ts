import { AUTO_SCALING_MAX_PROTECTED_INSTANCES } from '../../lib/limits.ts';
import { quoteForShell } from '../../lib/shell-word.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import type { AlarmSettings } from './alarm-settings.ts';
import type { HookSettings, PolicySettings } from './check-input.ts';

type Value = string | number | true | readonly string[];

/**
 * A command of the AWS CLI that can be pasted into a shell. It names the fleet's region, because the profile's region
 * may be another. Flags without a value are left out.
 *
 * @param operation `<service> <operation>`
 */
export function awsCommand(
  { region }: Pick<FleetFacts, 'region'>,
  operation: string,
  flags: Readonly<Record<string, Value | undefined>>,
): string {
  const given = Object.entries(flags).flatMap(([name, value]) => flagArgs(name, value));
  return ['aws', operation, ...given, ...flagArgs('region', region)].join(' ');
}

function flagArgs(name: string, value: Value | undefined): string[] {
  if (value === undefined) return [];
  if (value === true) return [`--${name}`];
  const values = typeof value === 'object' ? value : [String(value)];
  return values.length === 0 ? [] : [`--${name}`, ...values.map(quoteForShell)];
}

export function resumeProcessCommand(fleet: FleetFacts, process: string): string {
  return ofGroup(fleet, 'resume-processes', { 'scaling-processes': process });
}

export function describeActivitiesCommand(fleet: FleetFacts): string {
  return ofGroup(fleet, 'describe-scaling-activities', {});
}

export function updateGroupCommand(
  fleet: FleetFacts,
  flags: { 'min-size'?: number; 'max-size'?: number; 'new-instances-protected-from-scale-in'?: true },
): string {
  return ofGroup(fleet, 'update-auto-scaling-group', flags);
}

export function protectInstancesCommand(fleet: FleetFacts, instances: readonly string[]): string {
  return ofGroup(fleet, 'set-instance-protection', {
    'instance-ids': instances.slice(0, AUTO_SCALING_MAX_PROTECTED_INSTANCES),
    'protected-from-scale-in': true,
  });
}

export function putHookCommand(fleet: FleetFacts, name: string, settings: HookSettings): string {
  return ofGroup(fleet, 'put-lifecycle-hook', {
    'lifecycle-hook-name': name,
    'lifecycle-transition': settings.transition,
    'heartbeat-timeout': settings.heartbeatSeconds,
    'default-result': settings.defaultResult,
  });
}

export function putPolicyCommand(fleet: FleetFacts, name: string, settings: PolicySettings): string {
  return ofGroup(fleet, 'put-scaling-policy', {
    'policy-name': name,
    'policy-type': settings.type,
    'adjustment-type': settings.adjustmentType,
    'metric-aggregation-type': settings.aggregation,
    'estimated-instance-warmup': settings.warmUpSeconds,
    'step-adjustments': settings.steps.map(({ lower, upper, change }) =>
      [
        `MetricIntervalLowerBound=${lower}`,
        ...(upper === undefined ? [] : [`MetricIntervalUpperBound=${upper}`]),
        `ScalingAdjustment=${change}`,
      ].join(','),
    ),
  });
}

export function setQueueAttributeCommand(
  fleet: FleetFacts,
  url: string | undefined,
  attribute: string,
  value: number,
): string {
  return awsCommand(fleet, 'sqs set-queue-attributes', {
    'queue-url': url,
    attributes: `${attribute}=${value}`,
  });
}

export function setRedriveCommand(
  fleet: FleetFacts,
  deadLetterQueueArn: string,
  maxReceiveCount: number,
): string {
  const policy = { deadLetterTargetArn: deadLetterQueueArn, maxReceiveCount };
  return awsCommand(fleet, 'sqs set-queue-attributes', {
    'queue-url': fleet.queueUrl,
    attributes: JSON.stringify({ RedrivePolicy: JSON.stringify(policy) }),
  });
}

/** The command replaces the whole alarm ("PutMetricAlarm"), so `settings` must contain what the owner added. */
export function putAlarmCommand(fleet: FleetFacts, name: string, settings: AlarmSettings): string {
  return awsCommand(fleet, 'cloudwatch put-metric-alarm', {
    'alarm-name': name,
    'alarm-description': settings.description,
    namespace: settings.namespace,
    'metric-name': settings.metric,
    dimensions: Object.entries(settings.dimensions).map(([key, value]) => `Name=${key},Value=${value}`),
    statistic: settings.statistic,
    period: settings.periodSeconds,
    'evaluation-periods': settings.periods,
    threshold: settings.threshold,
    'comparison-operator': settings.comparison,
    'treat-missing-data': settings.missingData,
    'alarm-actions': settings.actions,
    'ok-actions': settings.okActions,
    'insufficient-data-actions': settings.insufficientDataActions,
  });
}

export function enableAlarmCommand(fleet: FleetFacts, name: string): string {
  return awsCommand(fleet, 'cloudwatch enable-alarm-actions', { 'alarm-names': name });
}

function ofGroup(fleet: FleetFacts, operation: string, flags: Record<string, Value | undefined>): string {
  return awsCommand(fleet, `autoscaling ${operation}`, { 'auto-scaling-group-name': fleet.group, ...flags });
}
