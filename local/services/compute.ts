import type { CloudContext, RunningService } from '../front-door/service.ts';
import type { Launcher } from '../instances/launcher.ts';
import { createAutoScaling } from './autoscaling/autoscaling.ts';
import { createEc2 } from './ec2/ec2.ts';
import type { Ec2Instances } from './ec2/ec2-instances.ts';
import { createLambda } from './lambda/lambda.ts';
import { createMonitoring } from './monitoring/monitoring.ts';
import { createScheduler } from './scheduler/scheduler.ts';
import type { QueueActivity } from './sqs/activity.ts';

export interface Compute {
  running: RunningService[];
  /** Every instance. Tests use them to act as AWS: to fail a host, or to send a Spot notice. */
  instances: Ec2Instances;
}

/**
 * The services that run something or start it.
 *
 * @param takeNumber gives each instance of the account a number, from 0
 */
export function createCompute(
  context: CloudContext,
  launcher: Launcher,
  queueActivity: QueueActivity,
  takeNumber: () => number,
): Compute {
  const ec2 = createEc2(context, launcher, takeNumber);
  const autoScaling = createAutoScaling(context, ec2);
  const monitoring = createMonitoring(context, { scalingPolicy: autoScaling.onAlarm }, queueActivity);
  const lambda = createLambda(context);
  const running = [ec2, autoScaling, monitoring, lambda, createScheduler(context, lambda)];
  return { running, instances: ec2.instances };
}
