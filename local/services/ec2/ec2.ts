import type { CloudContext, RunningService } from '../../front-door/service.ts';
import type { Launcher } from '../../instances/launcher.ts';
import { imageOperations } from './images.ts';
import { instanceOperations } from './instances.ts';
import { LaunchTemplates } from './launch-templates.ts';
import { Machines } from './machines.ts';
import { Network } from './network.ts';
import { tagOperations } from './tags.ts';

/** EC2, and beside its API the machines themselves: for Auto Scaling, and for those who play AWS's part in a test. */
export interface Ec2 extends RunningService {
  machines: Machines;
}

/** EC2 as far as a fleet needs it: launch templates, instances, and the network that a template may ask for. */
export function createEc2(context: CloudContext, launcher: Launcher, takeNumber: () => number): Ec2 {
  const machines = new Machines(context, launcher, takeNumber);
  const templates = new LaunchTemplates(context, launcher);
  const network = new Network(context);
  return {
    machines,
    service: {
      name: 'ec2',
      xmlNamespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
      operations: {
        ...templates.operations(),
        ...network.operations(),
        ...imageOperations(context),
        ...tagOperations(machines, network),
        ...instanceOperations({
          context,
          machines,
          templates,
          launcher,
          zoneOfSubnet: (subnetId) => network.zoneOf(subnetId),
          defaultZone: () => `${context.region}a`,
        }),
      },
    },
    close: () => machines.close(),
  };
}
