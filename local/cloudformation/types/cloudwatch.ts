import * as v from 'valibot';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  booleanProperty,
  mergeTagList,
  numberProperty,
  properties,
  tagListProperty,
  textListProperty,
  textProperty,
} from './properties.ts';

const schema = properties({
  ActionsEnabled: v.optional(booleanProperty),
  AlarmActions: v.optional(textListProperty),
  AlarmDescription: v.optional(textProperty),
  AlarmName: v.optional(textProperty),
  ComparisonOperator: textProperty,
  DatapointsToAlarm: v.optional(numberProperty),
  Dimensions: v.optional(v.array(properties({ Name: textProperty, Value: textProperty }))),
  EvaluateLowSampleCountPercentile: v.optional(textProperty),
  EvaluationPeriods: numberProperty,
  ExtendedStatistic: v.optional(textProperty),
  InsufficientDataActions: v.optional(textListProperty),
  MetricName: v.optional(textProperty),
  // CloudWatch itself checks its content.
  Metrics: v.optional(v.array(v.record(v.string(), v.unknown()))),
  Namespace: v.optional(textProperty),
  OKActions: v.optional(textListProperty),
  Period: v.optional(numberProperty),
  Statistic: v.optional(textProperty),
  Tags: v.optional(tagListProperty),
  Threshold: v.optional(numberProperty),
  TreatMissingData: v.optional(textProperty),
  Unit: v.optional(textProperty),
});
type AlarmProps = v.InferOutput<typeof schema>;

async function put(AlarmName: string, { Tags, ...props }: AlarmProps, context: ResourceContext) {
  await context.call('monitoring', 'PutMetricAlarm', {
    ...props,
    AlarmName,
    Tags: mergeTagList(Tags, context),
  });
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
