import {
  list,
  optionalChoice,
  optionalDate,
  optionalInteger,
  optionalNumber,
  optionalStructure,
  optionalText,
  structures,
  text,
  texts,
} from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../front-door/service.ts';
import { describeAlarm, readAlarm, readMetric } from './alarm.ts';
import type { Alarms } from './alarms.ts';
import {
  aggregate,
  type MetricName,
  type Metrics,
  parseStatistic,
  type StatisticSet,
  singleValue,
} from './metrics.ts';

export interface MonitoringParts {
  context: CloudContext;
  metrics: Metrics;
  alarms: Alarms;
  /** The present minute of the cloud. */
  minute(): number;
}

const STATES = ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as const;

export function alarmOperations({ context, alarms, minute }: MonitoringParts): Record<string, Operation> {
  const arn = (name: unknown) => `arn:aws:cloudwatch:${context.region}:${context.accountId}:alarm:${name}`;
  const one = { resources: (input: Input) => [arn(input['AlarmName'])] };
  const many = { resources: (input: Input) => texts(input, 'AlarmNames').map(arn) };
  const setEnabled = (enabled: boolean): Operation => ({
    ...many,
    run: (input) => {
      for (const name of texts(input, 'AlarmNames')) alarms.get(name).actionsEnabled = enabled;
      return {};
    },
  });
  return {
    PutMetricAlarm: {
      ...one,
      run: (input) => {
        alarms.put(readAlarm(context, input, alarms.find(text(input, 'AlarmName'))));
        return {};
      },
    },
    DeleteAlarms: {
      ...many,
      run: (input) => {
        // "DeleteAlarms" ignores names of alarms that do not exist.
        for (const name of texts(input, 'AlarmNames')) if (alarms.find(name)) alarms.delete(name);
        return {};
      },
    },
    // Without names it returns all alarms.
    DescribeAlarms: {
      resources: (input) => (texts(input, 'AlarmNames').length > 0 ? many.resources(input) : [arn('*')]),
      run: (input) => describeAlarms(alarms, input),
    },
    DescribeAlarmHistory: {
      run: (input) => {
        const type = optionalText(input, 'HistoryItemType');
        const items = alarms.history(optionalText(input, 'AlarmName'));
        const max = optionalInteger(input, 'MaxRecords', { min: 1, max: 100 }) ?? 100;
        const wanted = items.filter((item) => type === undefined || item.HistoryItemType === type);
        return { AlarmHistoryItems: wanted.slice(0, max) };
      },
    },
    SetAlarmState: {
      ...one,
      run: (input) => {
        const state = optionalChoice(input, 'StateValue', STATES);
        if (!state) throw new AwsError('ValidationError', 'StateValue is required.');
        const data = optionalText(input, 'StateReasonData');
        alarms.set(alarms.get(text(input, 'AlarmName')), state, text(input, 'StateReason'), data, minute());
        return {};
      },
    },
    EnableAlarmActions: setEnabled(true),
    DisableAlarmActions: setEnabled(false),
    ListTagsForResource: {
      run: (input) => {
        const wanted = text(input, 'ResourceARN');
        const alarm = alarms.all().find((candidate) => candidate.arn === wanted);
        return { Tags: [...(alarm?.tags ?? [])].map(([Key, Value]) => ({ Key, Value })) };
      },
    },
  };
}

function describeAlarms(alarms: Alarms, input: Input) {
  const names = texts(input, 'AlarmNames');
  const prefix = optionalText(input, 'AlarmNamePrefix') ?? '';
  const state = optionalText(input, 'StateValue');
  const wanted = alarms
    .all()
    .filter(({ name }) => (names.length === 0 || names.includes(name)) && name.startsWith(prefix))
    .filter((alarm) => state === undefined || alarm.state === state);
  return { MetricAlarms: wanted.map(describeAlarm), CompositeAlarms: [] };
}

export function metricOperations(parts: MonitoringParts): Record<string, Operation> {
  const { metrics } = parts;
  return {
    PutMetricData: {
      conditions: (input) => ({ 'cloudwatch:namespace': optionalText(input, 'Namespace') ?? '' }),
      run: (input) => putMetricData(parts, input),
    },
    ListMetrics: {
      run: (input) => {
        const namespace = optionalText(input, 'Namespace');
        const name = optionalText(input, 'MetricName');
        const wanted = metrics
          .names()
          .filter((one) => namespace === undefined || one.namespace === namespace)
          .filter((one) => name === undefined || one.name === name);
        return { Metrics: wanted.map(describeMetric) };
      },
    },
    GetMetricStatistics: { run: (input) => getMetricStatistics(metrics, input) },
    GetMetricData: { run: (input) => getMetricData(metrics, input) },
  };
}

function describeMetric({ namespace, name, dimensions }: MetricName) {
  return {
    Namespace: namespace,
    MetricName: name,
    Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
  };
}

function putMetricData({ context, metrics, minute }: MonitoringParts, input: Input) {
  const { clock } = context;
  const now = clock.now();
  for (const datum of structures(input, 'MetricData')) {
    const at = optionalDate(datum, 'Timestamp')?.getTime() ?? now;
    const age = Math.floor(((now - at) * clock.speed) / 60_000);
    const metric = readMetric({ ...datum, Namespace: text(input, 'Namespace') });
    // Values that are reported between two collections belong to the minute that ends with the next one.
    for (const set of readValues(datum)) {
      metrics.put(metric, { ...set, at, minute: minute() + 1 - Math.max(0, age) });
    }
  }
  return {};
}

function readValues(datum: Input): StatisticSet[] {
  const set = optionalStructure(datum, 'StatisticValues');
  if (set) {
    const read = (key: string) => optionalNumber(set, key) ?? 0;
    const [count, sum, min, max] = ['SampleCount', 'Sum', 'Minimum', 'Maximum'].map(read);
    return [{ count: count ?? 0, sum: sum ?? 0, min: min ?? 0, max: max ?? 0 }];
  }
  const value = optionalNumber(datum, 'Value');
  if (value !== undefined) return [singleValue(value)];
  const counts = list(datum, 'Counts').map(Number);
  return list(datum, 'Values').map((each, index) => {
    const count = counts[index] ?? 1;
    return { count, sum: Number(each) * count, min: Number(each), max: Number(each) };
  });
}

/** Statistics by period of real time, whatever the speed of the cloud's clock. */
function statisticsOf(metrics: Metrics, metric: MetricName, window: Input, periodSeconds: number) {
  const from = optionalDate(window, 'StartTime')?.getTime() ?? 0;
  const to = optionalDate(window, 'EndTime')?.getTime() ?? 0;
  const period = periodSeconds * 1000;
  const buckets = new Map<number, StatisticSet[]>();
  for (const point of metrics.points(metric)) {
    if (point.at < from || point.at >= to) continue;
    const start = Math.floor(point.at / period) * period;
    buckets.set(start, [...(buckets.get(start) ?? []), point]);
  }
  return [...buckets].sort(([a], [b]) => a - b);
}

function getMetricStatistics(metrics: Metrics, input: Input) {
  const period = optionalInteger(input, 'Period', { min: 1 }) ?? 60;
  const wanted = texts(input, 'Statistics').map(parseStatistic);
  const buckets = statisticsOf(metrics, readMetric(input), input, period);
  return {
    Label: text(input, 'MetricName'),
    Datapoints: buckets.map(([start, points]) => ({
      Timestamp: new Date(start),
      ...Object.fromEntries(wanted.map((statistic) => [statistic, aggregate(points, statistic)])),
      Unit: optionalText(input, 'Unit') ?? 'None',
    })),
  };
}

function getMetricData(metrics: Metrics, input: Input) {
  const newestFirst = optionalText(input, 'ScanBy') !== 'TimestampAscending';
  return {
    MetricDataResults: structures(input, 'MetricDataQueries').map((query) => {
      const stat = optionalStructure(query, 'MetricStat');
      if (!stat) throw new AwsError('ValidationError', 'Metric math (Expression) is not implemented here.');
      const metric = optionalStructure(stat, 'Metric') ?? {};
      const statistic = parseStatistic(text(stat, 'Stat'));
      const period = optionalInteger(stat, 'Period', { min: 1 }) ?? 60;
      const buckets = statisticsOf(metrics, readMetric(metric), input, period);
      if (newestFirst) buckets.reverse();
      return {
        Id: text(query, 'Id'),
        Label: optionalText(query, 'Label') ?? text(metric, 'MetricName'),
        Timestamps: buckets.map(([start]) => new Date(start)),
        Values: buckets.map(([, points]) => aggregate(points, statistic)),
        StatusCode: 'Complete',
      };
    }),
    Messages: [],
  };
}
