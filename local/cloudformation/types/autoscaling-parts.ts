import * as v from 'valibot';
import { type ResourceType, resourceType } from '../resource-type.ts';
import { boolean, fallbacks, ignoring, number, properties, text } from './properties.ts';

/** Auto Scaling's error code for a hook, a policy or a group that does not exist. */
const GONE = ['ValidationError'];

const hookSchema = properties({
  AutoScalingGroupName: text,
  DefaultResult: v.optional(text),
  HeartbeatTimeout: v.optional(number),
  LifecycleHookName: v.optional(text),
  LifecycleTransition: text,
  NotificationMetadata: v.optional(text),
  NotificationTargetARN: v.optional(text),
  RoleARN: v.optional(text),
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
    await ignoring(GONE, () => call('autoscaling', 'DeleteLifecycleHook', hook));
  },
});

const step = properties({
  MetricIntervalLowerBound: v.optional(number),
  MetricIntervalUpperBound: v.optional(number),
  ScalingAdjustment: number,
});

const policySchema = properties({
  AdjustmentType: v.optional(text),
  AutoScalingGroupName: text,
  Cooldown: v.optional(number),
  EstimatedInstanceWarmup: v.optional(number),
  MetricAggregationType: v.optional(text),
  MinAdjustmentMagnitude: v.optional(number),
  PolicyType: v.optional(text),
  ScalingAdjustment: v.optional(number),
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
    await ignoring(GONE, () => call('autoscaling', 'DeletePolicy', { AutoScalingGroupName, PolicyName }));
  },
});

const poolSchema = properties({
  AutoScalingGroupName: text,
  InstanceReusePolicy: v.optional(properties({ ReuseOnScaleIn: v.optional(boolean) })),
  MaxGroupPreparedCapacity: v.optional(number),
  MinSize: v.optional(number),
  PoolState: v.optional(text),
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
    const dropped = fallbacks<unknown>(POOL_DEFAULTS, props, previous);
    await call('autoscaling', 'PutWarmPool', { ...dropped, ...props });
    return resource;
  },
  /** "DeleteWarmPool": waits, as a stopped instance cannot answer a termination hook. */
  async delete({ physicalId: AutoScalingGroupName }, _props, { call, until }) {
    await ignoring(GONE, async () => {
      await call('autoscaling', 'DeleteWarmPool', { AutoScalingGroupName, ForceDelete: true });
      await until(async () => {
        const pool = await call('autoscaling', 'DescribeWarmPool', { AutoScalingGroupName });
        return pool['WarmPoolConfiguration'] === undefined || undefined;
      });
    });
  },
});

export const groupPartTypes: ResourceType[] = [lifecycleHook, scalingPolicy, warmPool];
