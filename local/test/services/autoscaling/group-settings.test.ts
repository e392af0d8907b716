import type { CreateAutoScalingGroupCommandInput } from '@aws-sdk/client-auto-scaling';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GroupCloud, startGroupCloud } from '../../support/group-cloud.ts';

let fleet: GroupCloud;
beforeAll(async () => {
  fleet = await startGroupCloud();
});
afterAll(() => fleet.close());

test.each<[Partial<CreateAutoScalingGroupCommandInput>, string]>([
  [{ CapacityRebalance: true }, 'CapacityRebalance true is not implemented here, only false.'],
  [{ DesiredCapacityType: 'vcpu' }, 'DesiredCapacityType vcpu is not implemented here, only units.'],
  [
    { AvailabilityZoneDistribution: { CapacityDistributionStrategy: 'balanced-only' } },
    'CapacityDistributionStrategy balanced-only is not implemented here, only balanced-best-effort.',
  ],
])('a group with %j is refused by name, as it would have no effect', async (settings, sentence) => {
  await expect(fleet.createGroup(settings)).rejects.toThrow(sentence);
});

test('a group that names the defaults is created', async () => {
  await fleet.createGroup({
    CapacityRebalance: false,
    DesiredCapacityType: 'units',
    AvailabilityZoneDistribution: { CapacityDistributionStrategy: 'balanced-best-effort' },
  });
  expect(await fleet.desired()).toBe(0);
});
