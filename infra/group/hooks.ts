import { CfnResource, Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  type AutoScalingGroup,
  DefaultResult,
  type LifecycleHook,
  LifecycleTransition,
} from 'aws-cdk-lib/aws-autoscaling';
import { LONGEST_HEARTBEAT_SECONDS, MOST_HEARTBEATS } from '../../lib/limits.ts';
import type { FleetSettings } from '../props/settings.ts';

/** Names within the group, fixed: a generated one would make a cycle through user-data. */
export const LAUNCH_HOOK = 'launch';
export const TERMINATION_HOOK = 'termination';

/**
 * The hooks that hold an instance until its agent is ready, and until its jobs have ended. Both end in CONTINUE: an
 * abandoned launch would only buy the next instance.
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
    heartbeatTimeout: Duration.seconds(terminationHookSecondsOf(settings)),
    defaultResult: DefaultResult.CONTINUE,
  });
  const hooks = [launch, termination];
  for (const hook of hooks) goWithGroup(hook);
  return hooks;
}

/** The termination hook's heartbeat time-out in seconds. */
export function terminationHookSecondsOf(settings: FleetSettings): number {
  return terminationHeartbeatSeconds({ ...settings, limitSeconds: settings.maxLimitSeconds });
}

/**
 * Left to the group when the stack is deleted. Deleting a hook before the group ends what waits in it: jobs that an
 * instance may finish would be cut off, and each boot abandoned, which buys another ("DeleteLifecycleHook").
 */
function goWithGroup(hook: LifecycleHook): void {
  const resource = hook.node.defaultChild;
  if (CfnResource.isCfnResource(resource)) resource.applyRemovalPolicy(RemovalPolicy.RETAIN);
}

/**
 * How long a terminating instance that says nothing is waited for: short, as a dead one is billed for it; longer
 * than two reports of a live one; and long enough that 100 of them cover the longest job, which may end first.
 */
export function terminationHeartbeatSeconds(
  settings: Pick<FleetSettings, 'limitSeconds' | 'graceSeconds' | 'reportSeconds'>,
): number {
  const forJobs = (settings.limitSeconds + settings.graceSeconds) / (MOST_HEARTBEATS / 2);
  return Math.min(LONGEST_HEARTBEAT_SECONDS, Math.ceil(Math.max(300, 3 * settings.reportSeconds, forJobs)));
}
