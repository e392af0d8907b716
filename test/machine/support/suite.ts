import { afterEach, beforeEach } from 'vitest';
import { missingForMachines } from '../../../local/machines/requirements.ts';
import { type MachineFleet, startMachineFleet } from './fleet.ts';

type Start = typeof startMachineFleet;

/**
 * Fleets for the tests of a file: each test has its own, which is gone when the test is over, however it ends. Where no
 * machine can boot the file's tests are skipped, with the reason; in CI a skip fails the run.
 */
export function machineFleets(): Start {
  const missing = missingForMachines();
  const open: MachineFleet[] = [];
  beforeEach(({ skip }) => {
    if (missing) skip(missing);
  });
  afterEach(async () => {
    for (const fleet of open.splice(0)) await fleet.close();
  });
  return async (props, options) => {
    const fleet = await startMachineFleet(props, options);
    open.push(fleet);
    return fleet;
  };
}
