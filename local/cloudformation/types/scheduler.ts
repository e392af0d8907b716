import * as v from 'valibot';
import { type ResourceType, resourceType } from '../resource-type.ts';
import { ignoreErrors, numberProperty, properties, textProperty } from './properties.ts';

const schema = properties({
  Description: v.optional(textProperty),
  EndDate: v.optional(textProperty),
  FlexibleTimeWindow: properties({ MaximumWindowInMinutes: v.optional(numberProperty), Mode: textProperty }),
  GroupName: v.optional(textProperty),
  KmsKeyArn: v.optional(textProperty),
  Name: v.optional(textProperty),
  ScheduleExpression: textProperty,
  ScheduleExpressionTimezone: v.optional(textProperty),
  StartDate: v.optional(textProperty),
  State: v.optional(textProperty),
  Target: properties({
    Arn: textProperty,
    Input: v.optional(textProperty),
    RetryPolicy: v.optional(
      properties({
        MaximumEventAgeInSeconds: v.optional(numberProperty),
        MaximumRetryAttempts: v.optional(numberProperty),
      }),
    ),
    RoleArn: textProperty,
    SqsParameters: v.optional(properties({ MessageGroupId: v.optional(textProperty) })),
  }),
});

const schedule = resourceType<v.InferOutput<typeof schema>>({
  type: 'AWS::Scheduler::Schedule',
  schema,
  createOnly: ['GroupName', 'Name'],
  nameProperty: 'Name',
  attributes: ['Arn'],
  async create(props, { call, generatedName }) {
    const Name = props.Name ?? generatedName(64);
    const { ScheduleArn: Arn } = await call('scheduler', 'CreateSchedule', { ...props, Name });
    return { physicalId: Name, attributes: { Arn } };
  },
  async update(resource, props, _previous, { call }) {
    await call('scheduler', 'UpdateSchedule', { ...props, Name: resource.physicalId });
    return resource;
  },
  async delete({ physicalId: Name }, { GroupName }, { call }) {
    await ignoreErrors(['ResourceNotFoundException'], () =>
      call('scheduler', 'DeleteSchedule', { Name, GroupName }),
    );
  },
});

export const schedulerTypes: ResourceType[] = [schedule];
