import * as v from 'valibot';
import { type ResourceType, resourceType } from '../resource-type.ts';
import { ignoring, number, properties, text } from './properties.ts';

const schema = properties({
  Description: v.optional(text),
  EndDate: v.optional(text),
  FlexibleTimeWindow: properties({ MaximumWindowInMinutes: v.optional(number), Mode: text }),
  GroupName: v.optional(text),
  KmsKeyArn: v.optional(text),
  Name: v.optional(text),
  ScheduleExpression: text,
  ScheduleExpressionTimezone: v.optional(text),
  StartDate: v.optional(text),
  State: v.optional(text),
  Target: properties({
    Arn: text,
    Input: v.optional(text),
    RetryPolicy: v.optional(
      properties({
        MaximumEventAgeInSeconds: v.optional(number),
        MaximumRetryAttempts: v.optional(number),
      }),
    ),
    RoleArn: text,
    SqsParameters: v.optional(properties({ MessageGroupId: v.optional(text) })),
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
    await ignoring(['ResourceNotFoundException'], () =>
      call('scheduler', 'DeleteSchedule', { Name, GroupName }),
    );
  },
});

export const schedulerTypes: ResourceType[] = [schedule];
