import {
  DescribeLifecycleHooksCommand,
  DescribePoliciesCommand,
  type ScalingPolicy,
} from '@aws-sdk/client-auto-scaling';
import { DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { parsePolicyName } from '../../aws/scaling-policy.ts';
import type { FleetContext } from '../context.ts';
import type { DeployedAlarm, DeployedPolicy, HookSettings } from './check-input.ts';

/** The fleet's scaling policy, if it exists. An unknown name gives an empty list ("DescribePolicies"). */
export async function readPolicies({
  clients,
  facts,
}: FleetContext): Promise<ReadonlyMap<string, DeployedPolicy>> {
  const { group, policyArn } = facts;
  if (policyArn === undefined) return new Map();
  const { ScalingPolicies = [] } = await clients.autoScaling.send(
    new DescribePoliciesCommand({ AutoScalingGroupName: group, PolicyNames: [parsePolicyName(policyArn)] }),
  );
  return new Map(ScalingPolicies.map((policy) => [policy.PolicyName ?? '', policySeen(policy)]));
}

function policySeen(policy: ScalingPolicy): DeployedPolicy {
  return {
    arn: policy.PolicyARN ?? '',
    enabled: policy.Enabled ?? true,
    type: policy.PolicyType ?? '',
    adjustmentType: policy.AdjustmentType ?? '',
    aggregation: policy.MetricAggregationType ?? '',
    warmUpSeconds: policy.EstimatedInstanceWarmup,
    steps: (policy.StepAdjustments ?? []).map((step) => ({
      lower: step.MetricIntervalLowerBound ?? Number.NEGATIVE_INFINITY,
      ...(step.MetricIntervalUpperBound !== undefined && { upper: step.MetricIntervalUpperBound }),
      change: step.ScalingAdjustment ?? 0,
    })),
  };
}

export async function readHooks({
  clients,
  facts,
}: FleetContext): Promise<ReadonlyMap<string, HookSettings>> {
  const { LifecycleHooks = [] } = await clients.autoScaling.send(
    new DescribeLifecycleHooksCommand({ AutoScalingGroupName: facts.group }),
  );
  return new Map(
    LifecycleHooks.map((hook) => [
      hook.LifecycleHookName ?? '',
      {
        transition: hook.LifecycleTransition ?? '',
        heartbeatSeconds: hook.HeartbeatTimeout ?? 0,
        defaultResult: hook.DefaultResult ?? '',
      },
    ]),
  );
}

export async function readAlarms({
  clients,
  facts,
}: FleetContext): Promise<ReadonlyMap<string, DeployedAlarm>> {
  const AlarmNames = [facts.backlogAlarm, facts.bootBreakerAlarm].filter((name) => name !== undefined);
  if (AlarmNames.length === 0) return new Map();
  const { MetricAlarms = [] } = await clients.cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames }));
  return new Map(MetricAlarms.map((alarm) => [alarm.AlarmName ?? '', alarmSeen(alarm)]));
}

function alarmSeen(alarm: MetricAlarm): DeployedAlarm {
  return {
    actionsEnabled: alarm.ActionsEnabled ?? true,
    ...(alarm.AlarmDescription && { description: alarm.AlarmDescription }),
    actions: alarm.AlarmActions ?? [],
    okActions: alarm.OKActions ?? [],
    insufficientDataActions: alarm.InsufficientDataActions ?? [],
    namespace: alarm.Namespace ?? '',
    metric: alarm.MetricName ?? '',
    dimensions: Object.fromEntries(
      (alarm.Dimensions ?? []).map(({ Name = '', Value = '' }) => [Name, Value]),
    ),
    statistic: alarm.Statistic ?? '',
    periodSeconds: alarm.Period ?? 0,
    periods: alarm.EvaluationPeriods ?? 0,
    threshold: alarm.Threshold ?? 0,
    comparison: alarm.ComparisonOperator ?? '',
    missingData: alarm.TreatMissingData ?? 'missing',
  };
}
