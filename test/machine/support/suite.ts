import { afterEach, beforeEach } from 'vitest';
import { missingForMachines } from '../../../local/machines/requirements.ts';
import { eventually } from '../../support/eventually.ts';
import { bakedImage } from './baked.ts';
import { type MachineFleet, PATIENCE_MS, startMachineFleet } from './fleet.ts';

type Start = typeof startMachineFleet;

/**
 * Fleets for the tests of a file: each test has its own, which is gone when the test is over, however it ends. Where no
 * machine can boot the file's tests are skipped, with the reason; in CI a skip fails the run.
 *
 * @param baked for tests that are not about the boot, of fleets without a set-up: their agents work after seconds
 */
export function machineFleets({ baked = false } = {}): Start {
  const missing = missingForMachines();
  const open: MachineFleet[] = [];
  beforeEach(({ skip }) => {
    if (missing) skip(missing);
  });
  afterEach(async ({ task }) => {
    for (const fleet of open.splice(0)) {
      if (task.result?.state === 'fail') console.error(await fleet.lastWords());
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

/** That the record of every machine that there was tells why it went. */
export async function expectReasons(fleet: MachineFleet): Promise<void> {
  for (const id of fleet.launched()) {
    const reason = async () => (await fleet.record(id))?.['retirement']?.M?.['reason']?.S;
    await eventually(`why ${id} went, in its record`, reason, PATIENCE_MS);
  }
}

/** That each of these is in the messages, one after another, whatever comes between them. */
export function expectInOrder(messages: readonly string[], patterns: readonly RegExp[]): void {
  let at = 0;
  for (const pattern of patterns) {
    const found = messages.findIndex((message, index) => index >= at && pattern.test(message));
    if (found < 0) throw new Error(`no ${pattern} after message ${at} of:\n${messages.join('\n')}`);
    at = found + 1;
  }
}
