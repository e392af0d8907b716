import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';

/** Namespace of what the keeper reports. */
export const NAMESPACE = 'Mayfly';

/**
 * 1 while the boot breaker holds launches back, once a minute; 0 when that ends. Nothing is written in between, so an alarm has to
 * treat missing data as ignored.
 */
export function bootBreakerMetric(fleet: string, options?: MetricOptions): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: 'BootBreaker',
    dimensionsMap: { Fleet: fleet },
    period: Duration.minutes(1),
    statistic: 'Maximum',
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
