import { CfnResource, Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  type AutoScalingGroup,
  DefaultResult,
  type LifecycleHook,
  LifecycleTransition,
} from 'aws-cdk-lib/aws-autoscaling';
import { AUTO_SCALING_MAX_HEARTBEAT_SECONDS, AUTO_SCALING_MAX_HEARTBEATS } from '../../lib/limits.ts';
import type { FleetSettings } from '../props/settings.ts';

/** Fixed names, unique in the group. User-data contains them: a generated name would make a circular dependency. */
export const LAUNCH_HOOK = 'launch';
export const TERMINATION_HOOK = 'termination';

/**
 * The lifecycle hooks: an instance is in service when its agent is ready, and is terminated when its jobs have ended. Both
 * default to CONTINUE, as an abandoned launch would only launch the next instance.
 */
export function addHooks(group: AutoScalingGroup, settings: FleetSettings): LifecycleHook[] {
  const launch = group.addLifecycleHook('LaunchHook', {
    lifecycleHookName: LAUNCH_HOOK,
    lifecycleTransition: LifecycleTransition.INSTANCE_LAUNCHING,
    heartbeatTimeout: Duration.seconds(settings.bootBudgetSeconds),
    defaultResult: DefaultResult.CONTINUE,
  });
  const termination = group.addLifecycleHook('TerminationHook', {
    lifecycleHookName: TERMINATION_HOOK,
    lifecycleTransition: LifecycleTransition.INSTANCE_TERMINATING,
    heartbeatTimeout: Duration.seconds(computeTerminationHookSeconds(settings)),
    defaultResult: DefaultResult.CONTINUE,
  });
  const hooks = [launch, termination];
  for (const hook of hooks) retainUntilGroupIsDeleted(hook);
  return hooks;
}

/** Heartbeat timeout of the termination hook, in seconds. */
export function computeTerminationHookSeconds(settings: FleetSettings): number {
  return computeTerminationHeartbeatSeconds({ ...settings, limitSeconds: settings.maxLimitSeconds });
}

/**
 * Deleting the stack does not delete the hook; the group deletes it. If the hook were deleted before the group, the
 * instances that wait in it would proceed at once: their jobs would be interrupted, and their boots abandoned, for which the
 * group launches others ("DeleteLifecycleHook").
 */
function retainUntilGroupIsDeleted(hook: LifecycleHook): void {
  const resource = hook.node.defaultChild;
  if (CfnResource.isCfnResource(resource)) resource.applyRemovalPolicy(RemovalPolicy.RETAIN);
}

/**
 * How long a terminating instance may send no heartbeat. Short, as an instance without an agent is billed for it; longer than
 * two intervals of reports; and long enough that 100 of them cover the longest job.
 */
export function computeTerminationHeartbeatSeconds(
  settings: Pick<FleetSettings, 'limitSeconds' | 'graceSeconds' | 'reportSeconds'>,
): number {
  const forJobs = (settings.limitSeconds + settings.graceSeconds) / (AUTO_SCALING_MAX_HEARTBEATS / 2);
  return Math.min(
    AUTO_SCALING_MAX_HEARTBEAT_SECONDS,
    Math.ceil(Math.max(300, 3 * settings.reportSeconds, forJobs)),
  );
}
