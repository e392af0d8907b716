import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';

/** Namespace of what the keeper reports. */
export const NAMESPACE = 'Mayfly';

/**
 * 1 while the boot breaker holds launches back, once a minute; 0 when that ends. Nothing is written in between, so an alarm has to
 * treat missing data as ignored. Two runs of the keeper may report in one minute, as a schedule is met within 60 s ("Schedule types
 * in EventBridge Scheduler"): there the 0 has to count, which is written once.
 */
export function bootBreakerMetric(fleet: string, options?: MetricOptions): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: 'BootBreaker',
    dimensionsMap: { Fleet: fleet },
    period: Duration.minutes(1),
    statistic: 'Minimum',
    ...options,
  });
}

/** A metric of the group itself ("Amazon CloudWatch metrics for Amazon EC2 Auto Scaling"). */
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
