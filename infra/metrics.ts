import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';

/** Namespace of the keeper's metrics. */
export const METRIC_NAMESPACE = 'Mayfly';

/**
 * The keeper's metrics. `BootBreaker`: 1 while the boot breaker is open. `HeldJobs`, `OldestHeldJob` (seconds) and
 * `StoppedGroups` (with the requests that wait for a person): while a job is held or one of these is stopped.
 */
type KeeperMetric = 'BootBreaker' | 'HeldJobs' | 'OldestHeldJob' | 'StoppedGroups';

/**
 * A metric that the keeper writes once a minute while it has something to report, and once with 0 when it ends. Otherwise
 * nothing is written, so an alarm has to ignore missing data. Two runs of the keeper may report in one minute, as EventBridge
 * invokes a target within 60 s of the scheduled time ("Schedule types in EventBridge Scheduler"). The statistic is the
 * minimum, so that the 0 counts then.
 */
export function keeperMetric(fleet: string, metricName: KeeperMetric, options?: MetricOptions): Metric {
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { Fleet: fleet },
    period: Duration.minutes(1),
    statistic: 'Minimum',
    ...options,
  });
}

/** A metric that Auto Scaling publishes ("Amazon CloudWatch metrics for Amazon EC2 Auto Scaling"). */
export function groupMetric(groupName: string, metricName: string, options?: MetricOptions): Metric {
  return new Metric({
    namespace: 'AWS/AutoScaling',
    metricName,
    dimensionsMap: { AutoScalingGroupName: groupName },
    period: Duration.minutes(1),
    statistic: 'Maximum',
    ...options,
  });
}
