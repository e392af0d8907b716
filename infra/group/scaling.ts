import { Duration } from 'aws-cdk-lib';
import { type AutoScalingGroup, CfnScalingPolicy } from 'aws-cdk-lib/aws-autoscaling';
import { Alarm, ComparisonOperator, type IAlarmAction, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { stepsFor } from '../../policy/steps.ts';
import type { FleetSettings } from '../props/settings.ts';

/** SQS publishes its metrics once a minute ("Available CloudWatch metrics for Amazon SQS"). */
const PERIOD_SECONDS = 60;

/**
 * The step scaling policy, which the alarm and the keeper execute. It is an L1 construct: the L2 construct splits the steps
 * between two policies with an alarm each.
 */
export function createScaleOutPolicy(
  scope: Construct,
  group: AutoScalingGroup,
  { scaleOut, maxCapacity }: FleetSettings,
): CfnScalingPolicy {
  const steps = stepsFor({
    threshold: scaleOut.threshold,
    jobsPerInstance: scaleOut.jobsPerInstance,
    maxCapacity,
  });
  return new CfnScalingPolicy(scope, 'ScaleOut', {
    autoScalingGroupName: group.autoScalingGroupName,
    policyType: 'StepScaling',
    adjustmentType: 'ChangeInCapacity',
    metricAggregationType: 'Maximum',
    estimatedInstanceWarmup: scaleOut.warmUpSeconds,
    stepAdjustments: steps.map(({ lower, upper, change }) => ({
      metricIntervalLowerBound: lower,
      ...(upper === undefined ? {} : { metricIntervalUpperBound: upper }),
      scalingAdjustment: change,
    })),
  });
}

/** The alarm that executes the policy if messages stay visible, even if the keeper does not run. */
export function createBacklogAlarm(
  scope: Construct,
  queue: IQueue,
  policy: CfnScalingPolicy,
  { scaleOut }: FleetSettings,
): Alarm {
  const alarm = new Alarm(scope, 'Backlog', {
    alarmDescription: 'Jobs are waiting: the fleet grows.',
    metric: queue.metricApproximateNumberOfMessagesVisible({
      period: Duration.seconds(PERIOD_SECONDS),
      statistic: 'Maximum',
    }),
    threshold: scaleOut.threshold,
    evaluationPeriods: scaleOut.durationSeconds / PERIOD_SECONDS,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
  const execute: IAlarmAction = { bind: () => ({ alarmActionArn: policy.ref }) };
  alarm.addAlarmAction(execute);
  return alarm;
}
