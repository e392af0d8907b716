import type { Input } from '../../front-door/service.ts';
import { type Group, type GroupInstance, type Hook, isTerminating, type ScalingPolicy } from './group.ts';
import { globalTimeoutSeconds } from './lifecycle-actions.ts';
import { zonesOf } from './selection.ts';

/** Groups and their instances, as AWS shows them. */
export function describeGroup(group: Group) {
  const { template, mixed } = group.launch;
  return {
    AutoScalingGroupName: group.name,
    AutoScalingGroupARN: group.arn,
    LaunchTemplate: mixed ? undefined : specification(template, template.version),
    MixedInstancesPolicy: mixed?.policy,
    MinSize: group.minSize,
    MaxSize: group.maxSize,
    DesiredCapacity: group.desiredCapacity,
    DefaultCooldown: group.defaultCooldown,
    DefaultInstanceWarmup: group.defaultInstanceWarmup,
    AvailabilityZones: zonesOf(group),
    LoadBalancerNames: [],
    TargetGroupARNs: [],
    HealthCheckType: group.healthCheckType,
    HealthCheckGracePeriod: group.healthCheckGracePeriod,
    Instances: [...group.instances.values()].map((instance) => describeInstance(group, instance)),
    // DescribeWarmPool shows the instances of the warm pool.
    WarmPoolConfiguration: describeWarmPool(group),
    WarmPoolSize: group.warmPool?.instances.size,
    CreatedTime: group.createdAt,
    SuspendedProcesses: [...group.suspended].map(([ProcessName, SuspensionReason]) => ({
      ProcessName,
      SuspensionReason,
    })),
    VPCZoneIdentifier: group.subnets.map(({ id }) => id).join(','),
    EnabledMetrics: [...group.metrics].map((Metric) => ({ Metric, Granularity: '1Minute' })),
    Status: group.deleting ? 'Delete in progress' : undefined,
    Tags: describeTags(group),
    TerminationPolicies: group.terminationPolicies,
    NewInstancesProtectedFromScaleIn: group.newInstancesProtected,
    ServiceLinkedRoleARN: group.serviceLinkedRoleArn,
    CapacityRebalance: false,
    TrafficSources: [],
  };
}

/** "WarmPoolConfiguration" */
export function describeWarmPool({ warmPool }: Group) {
  if (!warmPool) return undefined;
  return {
    MinSize: warmPool.minSize,
    MaxGroupPreparedCapacity: warmPool.maxPrepared,
    PoolState: warmPool.state,
    InstanceReusePolicy: { ReuseOnScaleIn: false },
    Status: warmPool.deleting ? 'PendingDelete' : undefined,
  };
}

export function describeInstance(group: Group, instance: GroupInstance) {
  return {
    InstanceId: instance.id,
    InstanceType: instance.type,
    AvailabilityZone: instance.zone,
    LifecycleState: instance.state,
    HealthStatus: instance.health,
    LaunchTemplate: specification(group.launch.template, instance.templateVersion),
    // Protection begins in service and ends when the instance begins to terminate.
    ProtectedFromScaleIn: instance.protected && !isTerminating(instance),
  };
}

function specification({ id, name }: Group['launch']['template'], Version: string) {
  return { LaunchTemplateId: id, LaunchTemplateName: name, Version };
}

function describeTags(group: Group) {
  return [...group.tags].map(([Key, { value, propagate }]) => ({
    ResourceId: group.name,
    ResourceType: 'auto-scaling-group',
    Key,
    Value: value,
    PropagateAtLaunch: propagate,
  }));
}

export function describeHook(group: Group, hook: Hook) {
  return {
    LifecycleHookName: hook.name,
    AutoScalingGroupName: group.name,
    LifecycleTransition: hook.transition,
    HeartbeatTimeout: hook.heartbeatSeconds,
    GlobalTimeout: globalTimeoutSeconds(hook),
    DefaultResult: hook.defaultResult,
    NotificationMetadata: hook.metadata,
  };
}

/** @param alarms that execute the policy */
export function describeScalingPolicy(group: Group, policy: ScalingPolicy, alarms: Input[]) {
  const step = policy.type === 'StepScaling';
  return {
    AutoScalingGroupName: group.name,
    PolicyName: policy.name,
    PolicyARN: policy.arn,
    PolicyType: policy.type,
    AdjustmentType: policy.adjustmentType,
    MinAdjustmentMagnitude: policy.minAdjustmentMagnitude,
    ScalingAdjustment: policy.scalingAdjustment,
    Cooldown: policy.cooldown,
    StepAdjustments: policy.steps.map(({ lower, upper, adjustment }) => ({
      MetricIntervalLowerBound: lower,
      MetricIntervalUpperBound: upper,
      ScalingAdjustment: adjustment,
    })),
    MetricAggregationType: step ? policy.metricAggregationType : undefined,
    EstimatedInstanceWarmup: policy.estimatedWarmup,
    Alarms: alarms,
    Enabled: policy.enabled,
  };
}
