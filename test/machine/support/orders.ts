import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import type { MachineFleet } from './fleet.ts';

/** Props of a fleet whose machines do, in the owner's set-up, what a test orders. */
export const ORDERED = { setup: 'set-up' } satisfies WorkerFleetProps;

/** Has a machine's set-up run this shell script, as root; to be said while the machine has just been launched. */
export function order(fleet: MachineFleet, instance: string, script: string): Promise<void> {
  return put(fleet, instance, script);
}

/** The same for every machine that has no order of its own. Returns how to take it back. */
export async function orderAll(fleet: MachineFleet, script: string): Promise<() => Promise<void>> {
  await put(fleet, 'any', script);
  return () => rm(join(orders(fleet), 'any'));
}

/** Lets workers end that go on until there is such a file (`untilFile`); `there` is its path on machines. */
export function gate(fleet: MachineFleet, name: string): { there: string; open: () => Promise<void> } {
  return {
    there: `/mnt/shared/${name}`,
    open: () => writeFile(join(fleet.directory, 'shared', name), ''),
  };
}

const orders = (fleet: MachineFleet) => join(fleet.directory, 'shared', 'orders');

async function put(fleet: MachineFleet, name: string, script: string): Promise<void> {
  await mkdir(orders(fleet), { recursive: true });
  await writeFile(join(orders(fleet), name), script);
}
