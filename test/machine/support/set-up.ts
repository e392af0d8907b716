import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import type { MachineFleet } from './fleet.ts';

/** Props of a fleet whose set-up runs the shell scripts of a test. */
export const SET_UP_PROPS = { setup: 'set-up' } satisfies WorkerFleetProps;

/** Makes the set-up of a machine run this shell script, as root. To be called right after the launch. */
export function runInSetUp(fleet: MachineFleet, instance: string, script: string): Promise<void> {
  return put(fleet, instance, script);
}

/** Makes the set-up of every machine without its own script run this one. Returns a function that removes the script. */
export async function runInEverySetUp(fleet: MachineFleet, script: string): Promise<() => Promise<void>> {
  await put(fleet, 'any', script);
  return () => rm(join(orders(fleet), 'any'));
}

/** A file for which workers wait (`untilFile`). `open` creates it; `there` is its path on machines. */
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
