import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import { boolean, number, properties, tagList, tagListOf, text, texts } from './properties.ts';

const schema = properties({
  ActionsEnabled: v.optional(boolean),
  AlarmActions: v.optional(texts),
  AlarmDescription: v.optional(text),
  AlarmName: v.optional(text),
  ComparisonOperator: text,
  DatapointsToAlarm: v.optional(number),
  Dimensions: v.optional(v.array(properties({ Name: text, Value: text }))),
  EvaluateLowSampleCountPercentile: v.optional(text),
  EvaluationPeriods: number,
  ExtendedStatistic: v.optional(text),
  InsufficientDataActions: v.optional(texts),
  MetricName: v.optional(text),
  // CloudWatch itself checks its content.
  Metrics: v.optional(v.array(v.record(v.string(), v.unknown()))),
  Namespace: v.optional(text),
  OKActions: v.optional(texts),
  Period: v.optional(number),
  Statistic: v.optional(text),
  Tags: v.optional(tagList),
  Threshold: v.optional(number),
  TreatMissingData: v.optional(text),
  Unit: v.optional(text),
});
type AlarmProps = v.InferOutput<typeof schema>;

async function put(AlarmName: string, { Tags, ...props }: AlarmProps, context: ResourceContext) {
  await context.call('monitoring', 'PutMetricAlarm', { ...props, AlarmName, Tags: tagListOf(Tags, context) });
  const { region, accountId } = context;
  const Arn = `arn:aws:cloudwatch:${region}:${accountId}:alarm:${AlarmName}`;
  return { physicalId: AlarmName, attributes: { Arn } };
}

const alarm = resourceType<AlarmProps>({
  type: 'AWS::CloudWatch::Alarm',
  schema,
  createOnly: ['AlarmName'],
  nameProperty: 'AlarmName',
  attributes: ['Arn'],
  create: (props, context) => put(props.AlarmName ?? context.generatedName(255), props, context),
  update: ({ physicalId }, props, _previous, context) => put(physicalId, props, context),
  async delete({ physicalId }, _props, { call }) {
    await call('monitoring', 'DeleteAlarms', { AlarmNames: [physicalId] });
  },
});

export const cloudWatchTypes: ResourceType[] = [alarm];
