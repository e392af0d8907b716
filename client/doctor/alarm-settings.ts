import type { FleetFacts } from '../../store/fleet-facts.ts';

/** What an alarm watches, as `PutMetricAlarm` takes it. */
export interface AlarmWatch {
  namespace: string;
  metric: string;
  dimensions: Readonly<Record<string, string>>;
  statistic: string;
  periodSeconds: number;
  periods: number;
  threshold: number;
  comparison: string;
  missingData: string;
}

export interface AlarmSettings extends AlarmWatch {
  description?: string;
  /** ARNs of its actions in the states ALARM, OK and INSUFFICIENT_DATA. */
  actions: readonly string[];
  okActions: readonly string[];
  insufficientDataActions: readonly string[];
}

/**
 * What the backlog alarm should watch. Undefined: an earlier version deployed the fleet and its settings are not known.
 */
export function backlogWatch({ queueUrl, scaleOut }: FleetFacts): AlarmWatch | undefined {
  if (!scaleOut) return undefined;
  return {
    namespace: 'AWS/SQS',
    metric: 'ApproximateNumberOfMessagesVisible',
    dimensions: { QueueName: queueUrl.slice(queueUrl.lastIndexOf('/') + 1) },
    statistic: 'Maximum',
    periodSeconds: 60,
    periods: scaleOut.durationSeconds / 60,
    threshold: scaleOut.threshold,
    comparison: 'GreaterThanOrEqualToThreshold',
    missingData: 'notBreaching',
  };
}

/**
 * What the boot breaker's alarm should watch. Fleets of earlier versions (without `scaleOut`) used another statistic.
 */
export function bootBreakerWatch({ fleet, scaleOut }: FleetFacts): AlarmWatch {
  return {
    namespace: 'Mayfly',
    metric: 'BootBreaker',
    dimensions: { Fleet: fleet },
    statistic: scaleOut ? 'Minimum' : 'Maximum',
    periodSeconds: 60,
    periods: 1,
    threshold: 1,
    comparison: 'GreaterThanOrEqualToThreshold',
    missingData: 'ignore',
  };
}

const LABELS: Readonly<Record<keyof AlarmWatch, string>> = {
  namespace: 'namespace',
  metric: 'metric',
  dimensions: 'dimension',
  statistic: 'statistic',
  periodSeconds: 'period',
  periods: 'evaluation periods',
  threshold: 'threshold',
  comparison: 'comparison',
  missingData: 'treatment of missing data',
};

/** The differences between two alarms, as clauses: `its threshold is 5, not 1`. */
export function findDifferences(seen: AlarmWatch, wanted: AlarmWatch): string[] {
  return (Object.keys(LABELS) as (keyof AlarmWatch)[]).flatMap((key) => {
    const [is, should] = [shown(seen[key]), shown(wanted[key])];
    return is === should ? [] : [`its ${LABELS[key]} is ${is}, not ${should}`];
  });
}

function shown(value: AlarmWatch[keyof AlarmWatch]): string {
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([name, of]) => `${name}=${of}`)
    .sort()
    .join(',');
}
