import {
  type AutoScalingGroup,
  type LifecycleHook,
  PoolState,
  type WarmPool,
} from 'aws-cdk-lib/aws-autoscaling';
import type { FleetSettings } from '../props/settings.ts';

const STATES = { stopped: PoolState.STOPPED, running: PoolState.RUNNING };

/**
 * The warm pool ("Decrease latency for applications with long boot times using warm pools"). No instance returns to it: an
 * instance that has worked terminates itself. The hooks are created first, so that no instance enters the pool before its boot
 * is complete.
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
