import * as v from 'valibot';
import { type ResourceType, resourceType } from '../resource-type.ts';
import {
  booleanProperty,
  droppedDefaults,
  ignoreErrors,
  numberProperty,
  properties,
  textProperty,
} from './properties.ts';

/** Auto Scaling's error code for a hook, a policy or a group that does not exist. */
const GONE = ['ValidationError'];

const hookSchema = properties({
  AutoScalingGroupName: textProperty,
  DefaultResult: v.optional(textProperty),
  HeartbeatTimeout: v.optional(numberProperty),
  LifecycleHookName: v.optional(textProperty),
  LifecycleTransition: textProperty,
  NotificationMetadata: v.optional(textProperty),
  NotificationTargetARN: v.optional(textProperty),
  RoleARN: v.optional(textProperty),
});

const lifecycleHook = resourceType<v.InferOutput<typeof hookSchema>>({
  type: 'AWS::AutoScaling::LifecycleHook',
  schema: hookSchema,
  createOnly: ['AutoScalingGroupName', 'LifecycleHookName', 'LifecycleTransition'],
  attributes: [],
  async create(props, { call, generatedName }) {
    const LifecycleHookName = props.LifecycleHookName ?? generatedName(255);
    await call('autoscaling', 'PutLifecycleHook', { ...props, LifecycleHookName });
    return { physicalId: LifecycleHookName, attributes: {} };
  },
  async update(resource, props, _previous, { call }) {
    await call('autoscaling', 'PutLifecycleHook', { ...props, LifecycleHookName: resource.physicalId });
    return resource;
  },
  async delete({ physicalId: LifecycleHookName }, { AutoScalingGroupName }, { call }) {
    const hook = { AutoScalingGroupName, LifecycleHookName };
    await ignoreErrors(GONE, () => call('autoscaling', 'DeleteLifecycleHook', hook));
  },
});

const step = properties({
  MetricIntervalLowerBound: v.optional(numberProperty),
  MetricIntervalUpperBound: v.optional(numberProperty),
  ScalingAdjustment: numberProperty,
});

const policySchema = properties({
  AdjustmentType: v.optional(textProperty),
  AutoScalingGroupName: textProperty,
  Cooldown: v.optional(numberProperty),
  EstimatedInstanceWarmup: v.optional(numberProperty),
  MetricAggregationType: v.optional(textProperty),
  MinAdjustmentMagnitude: v.optional(numberProperty),
  PolicyType: v.optional(textProperty),
  ScalingAdjustment: v.optional(numberProperty),
  StepAdjustments: v.optional(v.array(step)),
});

const scalingPolicy = resourceType<v.InferOutput<typeof policySchema>>({
  type: 'AWS::AutoScaling::ScalingPolicy',
  schema: policySchema,
  createOnly: ['AutoScalingGroupName'],
  attributes: ['Arn', 'PolicyName'],
  async create(props, { call, generatedName }) {
    const PolicyName = generatedName(255);
    const { PolicyARN: Arn } = await call('autoscaling', 'PutScalingPolicy', { ...props, PolicyName });
    return { physicalId: String(Arn), attributes: { Arn, PolicyName } };
  },
  async update({ physicalId, attributes }, props, _previous, { call }) {
    await call('autoscaling', 'PutScalingPolicy', { ...props, PolicyName: attributes['PolicyName'] });
    return { physicalId, attributes };
  },
  async delete({ physicalId: PolicyName }, { AutoScalingGroupName }, { call }) {
    await ignoreErrors(GONE, () => call('autoscaling', 'DeletePolicy', { AutoScalingGroupName, PolicyName }));
  },
});

const poolSchema = properties({
  AutoScalingGroupName: textProperty,
  InstanceReusePolicy: v.optional(properties({ ReuseOnScaleIn: v.optional(booleanProperty) })),
  MaxGroupPreparedCapacity: v.optional(numberProperty),
  MinSize: v.optional(numberProperty),
  PoolState: v.optional(textProperty),
});

const POOL_DEFAULTS = {
  InstanceReusePolicy: { ReuseOnScaleIn: false },
  MaxGroupPreparedCapacity: -1,
  MinSize: 0,
  PoolState: 'Stopped',
};

const warmPool = resourceType<v.InferOutput<typeof poolSchema>>({
  type: 'AWS::AutoScaling::WarmPool',
  schema: poolSchema,
  createOnly: ['AutoScalingGroupName'],
  attributes: [],
  async create(props, { call }) {
    await call('autoscaling', 'PutWarmPool', props);
    return { physicalId: props.AutoScalingGroupName, attributes: {} };
  },
  async update(resource, props, previous, { call }) {
    const dropped = droppedDefaults<unknown>(POOL_DEFAULTS, props, previous);
    await call('autoscaling', 'PutWarmPool', { ...dropped, ...props });
    return resource;
  },
  /** "DeleteWarmPool": waits, as a stopped instance cannot answer a termination hook. */
  async delete({ physicalId: AutoScalingGroupName }, _props, { call, until }) {
    await ignoreErrors(GONE, async () => {
      await call('autoscaling', 'DeleteWarmPool', { AutoScalingGroupName, ForceDelete: true });
      await until(async () => {
        const pool = await call('autoscaling', 'DescribeWarmPool', { AutoScalingGroupName });
        return pool['WarmPoolConfiguration'] === undefined || undefined;
      });
    });
  },
});

export const groupPartTypes: ResourceType[] = [lifecycleHook, scalingPolicy, warmPool];
