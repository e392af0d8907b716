import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { AwsError } from '../../front-door/service.ts';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import { isRecord } from '../template/parse.ts';
import {
  booleanProperty,
  droppedDefaults,
  numberProperty,
  properties,
  textListProperty,
  textProperty,
} from './properties.ts';

const structure = v.record(v.string(), v.unknown());
const launchTemplate = properties({
  LaunchTemplateId: v.optional(textProperty),
  LaunchTemplateName: v.optional(textProperty),
  Version: textProperty,
});
const tag = properties({ Key: textProperty, PropagateAtLaunch: booleanProperty, Value: textProperty });
const metrics = properties({ Granularity: textProperty, Metrics: v.optional(textListProperty) });

const schema = properties({
  AutoScalingGroupName: v.optional(textProperty),
  AvailabilityZones: v.optional(textListProperty),
  CapacityRebalance: v.optional(booleanProperty),
  Cooldown: v.optional(numberProperty),
  DefaultInstanceWarmup: v.optional(numberProperty),
  DesiredCapacity: v.optional(numberProperty),
  HealthCheckGracePeriod: v.optional(numberProperty),
  HealthCheckType: v.optional(textProperty),
  LaunchTemplate: v.optional(launchTemplate),
  LifecycleHookSpecificationList: v.optional(v.array(structure)),
  MaxInstanceLifetime: v.optional(numberProperty),
  MaxSize: numberProperty,
  MetricsCollection: v.optional(v.array(metrics), []),
  MinSize: numberProperty,
  // Auto Scaling itself checks its content.
  MixedInstancesPolicy: v.optional(structure),
  NewInstancesProtectedFromScaleIn: v.optional(booleanProperty),
  Tags: v.optional(v.array(tag), []),
  TerminationPolicies: v.optional(textListProperty),
  VPCZoneIdentifier: v.optional(textListProperty),
});
type GroupProps = v.InferOutput<typeof schema>;

/** The settings that creation and update share, in the API's names. */
function settings({ Cooldown, VPCZoneIdentifier, ...props }: GroupProps) {
  const { Tags: _tags, MetricsCollection: _metrics, LifecycleHookSpecificationList: _hooks, ...rest } = props;
  return { ...rest, DefaultCooldown: Cooldown, VPCZoneIdentifier: VPCZoneIdentifier?.join(',') };
}

function tagsOf(name: string, props: GroupProps, stackTags: Record<string, string>) {
  const own = new Map(props.Tags.map((one) => [one.Key, one]));
  for (const [Key, Value] of Object.entries(stackTags)) {
    if (!own.has(Key)) own.set(Key, { Key, Value, PropagateAtLaunch: true });
  }
  return [...own.values()].map((one) => ({
    ...{ ResourceId: name, ResourceType: 'auto-scaling-group' },
    ...one,
  }));
}

async function collectMetrics(
  name: string,
  props: GroupProps,
  previous: GroupProps,
  { call }: ResourceContext,
) {
  if (isDeepStrictEqual(props.MetricsCollection, previous.MetricsCollection)) return;
  const AutoScalingGroupName = name;
  if (previous.MetricsCollection.length > 0) {
    await call('autoscaling', 'DisableMetricsCollection', { AutoScalingGroupName });
  }
  for (const one of props.MetricsCollection) {
    await call('autoscaling', 'EnableMetricsCollection', { AutoScalingGroupName, ...one });
  }
}

const IGNORE_SIZES = 'IgnoreUnmodifiedGroupSizeProperties';

/** Reads the `UpdatePolicy` ("UpdatePolicy attribute"). What is not implemented here is refused by name. */
function ignoresSizes(updatePolicy: unknown): boolean {
  if (!isRecord(updatePolicy)) return false;
  const { AutoScalingScheduledAction: scheduled, ...others } = updatePolicy;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new AwsError(
      'InvalidRequest',
      `UpdatePolicy ${other} is not supported; AutoScalingScheduledAction is`,
    );
  }
  return isRecord(scheduled) && String(scheduled[IGNORE_SIZES]) === 'true';
}

function sizes(props: GroupProps, previous: GroupProps, updatePolicy: unknown) {
  const names = ['DesiredCapacity', 'MaxSize', 'MinSize'] as const;
  const kept = ignoresSizes(updatePolicy)
    ? names.filter((name) => props[name] === previous[name])
    : names.filter((name) => props[name] === undefined);
  return Object.fromEntries(kept.map((name) => [name, undefined]));
}

async function retag(name: string, props: GroupProps, previous: GroupProps, context: ResourceContext) {
  const after = tagsOf(name, props, context.stackTags);
  const before = tagsOf(name, previous, context.previousStackTags);
  const dropped = before.filter(({ Key }) => !after.some((one) => one.Key === Key));
  if (dropped.length > 0) await context.call('autoscaling', 'DeleteTags', { Tags: dropped });
  await context.call('autoscaling', 'CreateOrUpdateTags', { Tags: after });
}

const DEFAULTS: Record<string, unknown> = {
  CapacityRebalance: false,
  Cooldown: 300,
  // The API's value for no warm-up.
  DefaultInstanceWarmup: -1,
  HealthCheckGracePeriod: 0,
  HealthCheckType: 'EC2',
  NewInstancesProtectedFromScaleIn: false,
  TerminationPolicies: ['Default'],
};

async function find(name: string, { call }: ResourceContext) {
  const wanted = { AutoScalingGroupNames: [name] };
  const { AutoScalingGroups = [] } = await call('autoscaling', 'DescribeAutoScalingGroups', wanted);
  const [group] = AutoScalingGroups as { AutoScalingGroupARN: string; Instances: unknown[] }[];
  return group;
}

/** Empties the group as CloudFormation does: sets its sizes to zero and waits, also for protected instances. */
async function empty(name: string, context: ResourceContext): Promise<void> {
  const none = { MinSize: 0, MaxSize: 0, DesiredCapacity: 0 };
  await context.call('autoscaling', 'UpdateAutoScalingGroup', { AutoScalingGroupName: name, ...none });
  await context.until(async () => ((await find(name, context))?.Instances ?? []).length === 0 || undefined);
}

const BUSY = [
  'ResourceInUse',
  'ResourceInUseFault',
  'ScalingActivityInProgress',
  'ScalingActivityInProgressFault',
];

async function deleteEmpty(name: string, context: ResourceContext): Promise<void> {
  await context.until(async () => {
    try {
      await context.call('autoscaling', 'DeleteAutoScalingGroup', { AutoScalingGroupName: name });
      return true;
    } catch (error) {
      if (error instanceof AwsError && BUSY.includes(error.code)) return undefined;
      throw error;
    }
  });
  await context.until(async () => ((await find(name, context)) ? undefined : true));
}

const group = resourceType<GroupProps>({
  type: 'AWS::AutoScaling::AutoScalingGroup',
  schema,
  createOnly: ['AutoScalingGroupName'],
  nameProperty: 'AutoScalingGroupName',
  taggable: true,
  attributes: ['AutoScalingGroupARN'],
  async create(props, context) {
    ignoresSizes(context.updatePolicy);
    const name = props.AutoScalingGroupName ?? context.generatedName(255);
    await context.call('autoscaling', 'CreateAutoScalingGroup', {
      ...settings(props),
      AutoScalingGroupName: name,
      LifecycleHookSpecificationList: props.LifecycleHookSpecificationList,
      Tags: tagsOf(name, props, context.stackTags),
    });
    context.reportCreated(name);
    await collectMetrics(name, props, { ...props, MetricsCollection: [] }, context);
    const AutoScalingGroupARN = (await find(name, context))?.AutoScalingGroupARN;
    return { physicalId: name, attributes: { AutoScalingGroupARN } };
  },
  async update(resource, props, previous, context) {
    const name = resource.physicalId;
    await context.call('autoscaling', 'UpdateAutoScalingGroup', {
      ...settings({ ...droppedDefaults(DEFAULTS, props, previous), ...props }),
      ...sizes(props, previous, context.updatePolicy),
      AutoScalingGroupName: name,
    });
    for (const hook of props.LifecycleHookSpecificationList ?? []) {
      await context.call('autoscaling', 'PutLifecycleHook', { AutoScalingGroupName: name, ...hook });
    }
    await collectMetrics(name, props, previous, context);
    await retag(name, props, previous, context);
    return resource;
  },
  async delete({ physicalId: name }, _props, context) {
    if (!(await find(name, context))) return;
    await empty(name, context);
    await deleteEmpty(name, context);
  },
});

export const groupTypes: ResourceType[] = [group];
