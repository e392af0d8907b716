import {
  integer,
  optionalBoolean,
  optionalChoice,
  optionalInteger,
  optionalNumber,
  optionalText,
  structures,
  text,
  texts,
} from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input } from '../../front-door/service.ts';
import { type AlarmRule, type AlarmState, COMPARISONS, MISSING_DATA } from './evaluate.ts';
import { type MetricName, parseStatistic, type Statistic } from './metrics.ts';

export interface Alarm {
  name: string;
  arn: string;
  description: string | undefined;
  metric: MetricName;
  statistic: Statistic;
  unit: string | undefined;
  /** In minutes of the cloud. */
  periodMinutes: number;
  rule: AlarmRule;
  actionsEnabled: boolean;
  actions: Record<AlarmState, string[]>;
  configuredAt: Date;
  state: AlarmState;
  stateReason: string;
  stateReasonData: string | undefined;
  stateUpdatedAt: Date;
  tags: Map<string, string>;
}

const KNOWN = new Set([
  'ActionsEnabled',
  'AlarmActions',
  'AlarmDescription',
  'AlarmName',
  'ComparisonOperator',
  'DatapointsToAlarm',
  'Dimensions',
  'EvaluationPeriods',
  'InsufficientDataActions',
  'MetricName',
  'Namespace',
  'OKActions',
  'Period',
  'Statistic',
  'Tags',
  'Threshold',
  'TreatMissingData',
  'Unit',
]);

/**
 * Reads PutMetricAlarm's input. An existing alarm keeps its state, as in AWS.
 *
 * @throws `ValidationError` for what is wrong or not implemented here, such as metric math.
 */
export function readAlarm(context: CloudContext, input: Input, before: Alarm | undefined): Alarm {
  refuseUnknown(input);
  const name = text(input, 'AlarmName');
  const periodSeconds = integer(input, 'Period');
  if (periodSeconds < 60 || periodSeconds % 60 !== 0) {
    throw new AwsError(
      'ValidationError',
      `Period ${periodSeconds}: here it must be a multiple of 60; high-resolution alarms are not implemented.`,
    );
  }
  const evaluationPeriods = integer(input, 'EvaluationPeriods', { min: 1 });
  const now = new Date(context.clock.now());
  return {
    name,
    arn: `arn:aws:cloudwatch:${context.region}:${context.accountId}:alarm:${name}`,
    description: optionalText(input, 'AlarmDescription'),
    metric: readMetric(input),
    statistic: parseStatistic(text(input, 'Statistic')),
    unit: optionalText(input, 'Unit'),
    periodMinutes: periodSeconds / 60,
    rule: {
      comparison: optionalChoice(input, 'ComparisonOperator', COMPARISONS) ?? missing('ComparisonOperator'),
      threshold: optionalNumber(input, 'Threshold') ?? missing('Threshold'),
      evaluationPeriods,
      datapointsToAlarm:
        optionalInteger(input, 'DatapointsToAlarm', { min: 1, max: evaluationPeriods }) ?? evaluationPeriods,
      missingData: optionalChoice(input, 'TreatMissingData', MISSING_DATA) ?? 'missing',
    },
    actionsEnabled: optionalBoolean(input, 'ActionsEnabled') ?? true,
    actions: {
      OK: texts(input, 'OKActions'),
      ALARM: texts(input, 'AlarmActions'),
      INSUFFICIENT_DATA: texts(input, 'InsufficientDataActions'),
    },
    configuredAt: now,
    state: before?.state ?? 'INSUFFICIENT_DATA',
    stateReason: before?.stateReason ?? 'Unchecked: Initial alarm creation',
    stateReasonData: before?.stateReasonData,
    stateUpdatedAt: before?.stateUpdatedAt ?? now,
    tags:
      before?.tags ?? new Map(structures(input, 'Tags').map((tag) => [text(tag, 'Key'), text(tag, 'Value')])),
  };
}

export function readMetric(input: Input): MetricName {
  return {
    namespace: text(input, 'Namespace'),
    name: text(input, 'MetricName'),
    dimensions: Object.fromEntries(
      structures(input, 'Dimensions').map((one) => [text(one, 'Name'), text(one, 'Value')]),
    ),
  };
}

export function describeAlarm(alarm: Alarm) {
  const { metric, rule } = alarm;
  return {
    AlarmName: alarm.name,
    AlarmArn: alarm.arn,
    AlarmDescription: alarm.description,
    AlarmConfigurationUpdatedTimestamp: alarm.configuredAt,
    ActionsEnabled: alarm.actionsEnabled,
    OKActions: alarm.actions.OK,
    AlarmActions: alarm.actions.ALARM,
    InsufficientDataActions: alarm.actions.INSUFFICIENT_DATA,
    StateValue: alarm.state,
    StateReason: alarm.stateReason,
    StateReasonData: alarm.stateReasonData,
    StateUpdatedTimestamp: alarm.stateUpdatedAt,
    MetricName: metric.name,
    Namespace: metric.namespace,
    Statistic: alarm.statistic,
    Dimensions: Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value })),
    Period: alarm.periodMinutes * 60,
    Unit: alarm.unit,
    EvaluationPeriods: rule.evaluationPeriods,
    DatapointsToAlarm: rule.datapointsToAlarm,
    Threshold: rule.threshold,
    ComparisonOperator: rule.comparison,
    TreatMissingData: rule.missingData,
  };
}

function refuseUnknown(input: Input): void {
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined || KNOWN.has(key)) continue;
    throw new AwsError('ValidationError', `${key} of a metric alarm is not implemented here.`);
  }
}

function missing(key: string): never {
  throw new AwsError('ValidationError', `${key} is required.`);
}
