import { it } from 'vitest';
import { expectSound, fleets } from '../support/suite.ts';

const startFleet = fleets();

it('a fleet with a baked image is deployed to the embedded cloud and runs a job', async () => {
  const fleet = await startFleet({ bakedImage: true });
  const [job = ''] = await fleet.send({});
  await fleet.event('end', job);
  await fleet.backToZero();
  await expectSound(fleet, { succeeded: 1, runs: 1 });
});
