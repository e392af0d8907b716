import { type MetricDatum, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import type { KeeperContext } from './keeper-context.ts';

/** Writes metrics of the fleet to CloudWatch, in one call. Their time is that of the call. */
export async function publishMetrics(
  { clients, config }: Pick<KeeperContext, 'clients' | 'config'>,
  metrics: readonly MetricDatum[],
): Promise<void> {
  const Dimensions = [{ Name: 'Fleet', Value: config.fleet }];
  const MetricData = metrics.map((metric) => ({ ...metric, Dimensions }));
  await clients.cloudWatch.send(new PutMetricDataCommand({ Namespace: 'Mayfly', MetricData }));
}
