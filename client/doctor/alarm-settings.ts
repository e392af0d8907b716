import type { FleetFacts } from '../../store/fleet-facts.ts';

/** What an alarm watches: the words are those of `PutMetricAlarm`. */
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
  /** ARNs of what it does in the states ALARM, OK and INSUFFICIENT_DATA. */
  actions: readonly string[];
  okActions: readonly string[];
  insufficientDataActions: readonly string[];
}

/** What the backlog's alarm of a fleet watches; undefined: an earlier version has deployed it, and did not say. */
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

/** What the alarm of its boot breaker watches. The keeper of an earlier version, which did not say so much, reported each minute. */
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

const WORDS: Readonly<Record<keyof AlarmWatch, string>> = {
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

/** What an alarm watches otherwise than it should: `its threshold is 5, not 1`. */
export function differencesOf(seen: AlarmWatch, wanted: AlarmWatch): string[] {
  return (Object.keys(WORDS) as (keyof AlarmWatch)[]).flatMap((key) => {
    const [is, should] = [shown(seen[key]), shown(wanted[key])];
    return is === should ? [] : [`its ${WORDS[key]} is ${is}, not ${should}`];
  });
}

function shown(value: AlarmWatch[keyof AlarmWatch]): string {
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([name, of]) => `${name}=${of}`)
    .sort()
    .join(',');
}
