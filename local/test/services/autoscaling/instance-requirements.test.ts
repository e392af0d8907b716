import type { InstanceRequirements } from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GroupCloud, startGroupCloud } from '../../support/group-cloud.ts';

let fleet: GroupCloud;
beforeAll(async () => {
  fleet = await startGroupCloud();
});
afterAll(() => fleet.close());

const REQUIREMENTS: InstanceRequirements = {
  AllowedInstanceTypes: ['m7i-flex.*', 'm5.*'],
  VCpuCount: { Min: 2, Max: 2 },
  MemoryMiB: { Min: 8192, Max: 8192 },
};

const policy = (requirements: object, strategy?: string) => ({
  LaunchTemplate: undefined,
  MixedInstancesPolicy: {
    LaunchTemplate: {
      LaunchTemplateSpecification: { LaunchTemplateName: 'template', Version: '$Latest' },
      Overrides: [{ InstanceRequirements: { ...REQUIREMENTS, ...requirements } }],
    },
    ...(strategy && { InstancesDistribution: { OnDemandAllocationStrategy: strategy } }),
  },
});

test('a group launches the first family that its requirements allow', async () => {
  await fleet.createGroup({ DesiredCapacity: 1, ...policy({}) });
  const { Reservations } = await fleet.ec2.send(new DescribeInstancesCommand({}));
  expect(Reservations?.[0]?.Instances?.[0]?.InstanceType).toBe('m7i-flex.large');
});

test.each<[string, object, string | undefined, RegExp]>([
  ['another size', { VCpuCount: { Min: 4 } }, undefined, /VCpuCount other than 2 is not implemented here/],
  ['no size', { MemoryMiB: undefined }, undefined, /must have MemoryMiB/],
  [
    'another family',
    { AllowedInstanceTypes: ['c7i.*'] },
    undefined,
    /c7i\.\* among AllowedInstanceTypes is not/,
  ],
  ['all types', { AllowedInstanceTypes: undefined }, undefined, /the choice among all types/],
  ['another attribute', { BareMetal: 'required' }, undefined, /BareMetal is not implemented here/],
  ['an order', {}, 'prioritized', /prioritized is not valid with InstanceRequirements/],
])('requirements of %s are refused by name', async (_, requirements, strategy, message) => {
  const settings = { AutoScalingGroupName: 'refused', ...policy(requirements, strategy) };
  await expect(fleet.createGroup(settings)).rejects.toThrow(message);
});
