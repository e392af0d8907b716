import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type GroupCloud, startGroupCloud } from '../../support/group-cloud.ts';

let fleet: GroupCloud;
beforeEach(async () => {
  fleet = await startGroupCloud();
});
afterEach(() => fleet.close());

/** The example of "Mixed instances groups": the rest above the base is split, rounded up for on-demand. */
test.each([
  [6, 0, 50, 3],
  [5, 0, 50, 2],
  [6, 2, 25, 3],
  [4, 0, 0, 4],
  [4, 0, 100, 0],
])(
  'of %i simultaneous launches, with a base of %i on-demand and %i percent of the rest, %i are Spot Instances',
  async (count, OnDemandBaseCapacity, OnDemandPercentageAboveBaseCapacity, spot) => {
    await fleet.createGroup({
      ...{ MaxSize: 6, DesiredCapacity: count, LaunchTemplate: undefined },
      MixedInstancesPolicy: {
        LaunchTemplate: {
          LaunchTemplateSpecification: { LaunchTemplateName: 'template', Version: '$Latest' },
        },
        InstancesDistribution: { OnDemandBaseCapacity, OnDemandPercentageAboveBaseCapacity },
      },
    });
    const { Reservations = [] } = await fleet.ec2.send(new DescribeInstancesCommand({}));
    const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
    expect(instances.filter(({ InstanceLifecycle }) => InstanceLifecycle === 'spot')).toHaveLength(spot);
  },
);
