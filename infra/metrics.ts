import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';

/** Namespace of the keeper's metrics. */
export const METRIC_NAMESPACE = 'Mayfly';

/**
 * 1, once a minute, while the boot breaker is open; 0, once, when it closes. Otherwise nothing is written, so an alarm has to
 * ignore missing data. Two runs of the keeper may report in one minute, as EventBridge invokes a target within 60 s of the
 * scheduled time ("Schedule types in EventBridge Scheduler"). The statistic is the minimum, so that the 0 counts then.
 */
export function bootBreakerMetric(fleet: string, options?: MetricOptions): Metric {
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: 'BootBreaker',
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
