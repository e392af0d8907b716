import type { CloudContext, RunningService } from '../../front-door/service.ts';
import type { Launcher } from '../../instances/launcher.ts';
import { Ec2Instances } from './ec2-instances.ts';
import { imageOperations } from './images.ts';
import { ec2InstanceOperations } from './instances.ts';
import { LaunchTemplates } from './launch-templates.ts';
import { Network } from './network.ts';
import { ec2TagOperations } from './tags.ts';

/** EC2's API, and the instances: Auto Scaling uses them, and tests use them to act as AWS. */
export interface Ec2 extends RunningService {
  instances: Ec2Instances;
}

/** EC2 as far as a fleet needs it: launch templates, instances and networks. */
export function createEc2(context: CloudContext, launcher: Launcher, takeNumber: () => number): Ec2 {
  const machines = new Ec2Instances(context, launcher, takeNumber);
  const templates = new LaunchTemplates(context, launcher);
  const network = new Network(context);
  return {
    instances: machines,
    service: {
      name: 'ec2',
      xmlNamespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
      operations: {
        ...templates.operations(),
        ...network.operations(),
        ...imageOperations(context),
        ...ec2TagOperations(machines, network),
        ...ec2InstanceOperations({
          context,
          instances: machines,
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
