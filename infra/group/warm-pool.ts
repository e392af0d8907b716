import {
  type AutoScalingGroup,
  type LifecycleHook,
  PoolState,
  type WarmPool,
} from 'aws-cdk-lib/aws-autoscaling';
import type { FleetSettings } from '../props/settings.ts';

const STATES = { stopped: PoolState.STOPPED, running: PoolState.RUNNING };

/**
 * Instances that have booted and wait beside the group ("Decrease latency for applications with long boot times using
 * warm pools"). None returns to it: an instance that has worked ends itself. The hooks are there first, so that none
 * comes into the pool half booted.
 */
export function addWarmPool(
  group: AutoScalingGroup,
  hooks: readonly LifecycleHook[],
  settings: FleetSettings,
): WarmPool | undefined {
  const { warmPool } = settings;
  if (!warmPool) return undefined;
  const pool = group.addWarmPool({
    minSize: warmPool.minSize,
    maxGroupPreparedCapacity: warmPool.maxGroupPreparedCapacity,
    poolState: STATES[warmPool.poolState],
    reuseOnScaleIn: false,
  });
  pool.node.addDependency(...hooks);
  return pool;
}
