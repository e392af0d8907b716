import { afterEach, beforeEach } from 'vitest';
import { missingForMachines } from '../../../local/machines/requirements.ts';
import { eventually } from '../../support/eventually.ts';
import { bakedImage } from './baked.ts';
import { type MachineFleet, startMachineFleet, TIMEOUT_MS } from './fleet.ts';

type Start = typeof startMachineFleet;

/**
 * Starts a fleet for each test of a file, and closes it after the test. Tests are skipped, with the reason, if this host cannot
 * boot machines. In CI a skip fails the run.
 *
 * @param baked use a baked image, whose agents start in seconds: for tests without set-up that do not test the boot
 */
export function machineFleets({ baked = false } = {}): Start {
  const missing = missingForMachines();
  const open: MachineFleet[] = [];
  beforeEach(({ skip }) => {
    if (missing) skip(missing);
  });
  afterEach(async ({ task }) => {
    for (const fleet of open.splice(0)) {
      if (task.result?.state === 'fail') console.error(await fleet.failureDetails());
      await fleet.close();
    }
  });
  return async (props, options) => {
    const image = baked && { image: { root: await bakedImage() } };
    const fleet = await startMachineFleet(props, { ...options, ...image });
    open.push(fleet);
    return fleet;
  };
}

/** Expects that the record of every machine has the reason of its retirement. */
export async function expectReasons(fleet: MachineFleet): Promise<void> {
  for (const id of fleet.launched()) {
    const reason = async () => (await fleet.record(id))?.['retirement']?.M?.['reason']?.S;
    await eventually(`why ${id} went, in its record`, reason, TIMEOUT_MS);
  }
}

/** Expects that the messages match these patterns in this order, with any messages between them. */
export function expectInOrder(messages: readonly string[], patterns: readonly RegExp[]): void {
  let at = 0;
  for (const pattern of patterns) {
    const found = messages.findIndex((message, index) => index >= at && pattern.test(message));
    if (found < 0) throw new Error(`no ${pattern} after message ${at} of:\n${messages.join('\n')}`);
    at = found + 1;
  }
}
