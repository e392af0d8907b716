import type { CloudContext, RunningService } from '../front-door/service.ts';
import type { Launcher } from '../instances/launcher.ts';
import { createAutoScaling } from './autoscaling/autoscaling.ts';
import { createEc2 } from './ec2/ec2.ts';
import type { Machines } from './ec2/machines.ts';

export interface Compute {
  running: RunningService[];
  /** Every instance, for those who play AWS's own part: a host that fails, a Spot notice. */
  machines: Machines;
}

/** All that runs something: EC2, and what starts instances and functions. */
export function createCompute(context: CloudContext, launcher: Launcher): Compute {
  const ec2 = createEc2(context, launcher);
  const autoScaling = createAutoScaling(context, ec2);
  return { running: [ec2, autoScaling], machines: ec2.machines };
}
