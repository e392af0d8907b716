import { AwsError, type CloudContext, type RunningService } from '../../front-door/service.ts';
import type { Ec2 } from '../ec2/ec2.ts';
import { Activities } from './activities.ts';
import { Groups } from './groups.ts';
import { LifecycleActions } from './lifecycle-actions.ts';
import { groupOperations, groupTagOperations } from './operations/groups.ts';
import { hookOperations } from './operations/hooks.ts';
import { groupInstanceOperations } from './operations/instances.ts';
import { scalingPolicyOperations } from './operations/policies.ts';
import { processOperations } from './operations/processes.ts';
import { warmPoolOperations } from './operations/warm-pool.ts';
import type { Parts } from './parts.ts';
import { executePolicy, findScalingPolicy } from './policies.ts';
import { Scaler } from './scaler.ts';

export interface AutoScaling extends RunningService {
  /** CloudWatch calls it for a scaling policy among an alarm's actions. */
  onAlarm(policyArn: string, alarm: BreachedAlarm): void;
}

export interface BreachedAlarm {
  name: string;
  state: string;
  /** The values that the alarm evaluated, newest first. The policy decides how to aggregate them. */
  values: number[];
  threshold: number;
}

/** Amazon EC2 Auto Scaling. */
export function createAutoScaling(context: CloudContext, ec2: Ec2): AutoScaling {
  const groups = new Groups(context);
  const activities = new Activities(context.clock);
  const lifecycle = new LifecycleActions(context.clock);
  const scaler = new Scaler(context, { groups, activities, lifecycle, ec2 });
  const parts: Parts = { context, groups, activities, lifecycle, scaler };
  return {
    service: {
      name: 'autoscaling',
      xmlNamespace: 'http://autoscaling.amazonaws.com/doc/2011-01-01/',
      operations: {
        ...groupOperations(parts),
        ...groupTagOperations(parts),
        ...groupInstanceOperations(parts),
        ...hookOperations(parts),
        ...scalingPolicyOperations(parts),
        ...processOperations(parts),
        ...warmPoolOperations(parts),
      },
    },
    onAlarm: (policyArn, alarm) => onAlarm(parts, policyArn, alarm),
    close: async () => scaler.close(),
  };
}

/**
 * @throws `ValidationError` if the policy does not exist or has no step for the value. CloudWatch records it in the
 * alarm's history.
 */
function onAlarm(parts: Parts, policyArn: string, { name, state, values, threshold }: BreachedAlarm): void {
  const found = findScalingPolicy(parts.groups, policyArn);
  if (found.group.suspended.has('AlarmNotification')) {
    throw new AwsError('ValidationError', 'The AlarmNotification process of the group is suspended.');
  }
  if (!found.policy.enabled) throw new AwsError('ValidationError', 'The scaling policy is disabled.');
  executePolicy(parts, found, {
    what: `a monitor alarm ${name} in state ${state} triggered policy`,
    metricValue: aggregated(values, found.policy.metricAggregationType),
    breachThreshold: threshold,
    honorCooldown: true,
  });
}

function aggregated(values: number[], type: string): number {
  if (type === 'Minimum') return Math.min(...values);
  if (type === 'Maximum') return Math.max(...values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
