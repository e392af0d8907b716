import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createMachineLauncher, type MachineLauncher } from '../local/machines/machine-launcher.ts';
import { FLEET } from './fleet.ts';

/** What differs between instances that are processes and instances that are machines. */
export interface InstanceSetup {
  /** Absent for processes. */
  launcher?: MachineLauncher;
  maxCapacity: number;
  /** The workers' journal and the directory of their tiles, as paths on this host. */
  journal: string;
  tiles: string;
  /** Variables for `demo/app.ts`, among them the same paths as the workers see them. */
  environment: Record<string, string>;
}

/** A machine boots in ten seconds, or in thirty on two busy cores. There are at least two instances. */
const MACHINES = {
  atMost: Math.max(2, Math.min(FLEET.maxCapacity, availableParallelism())),
  warmUpSeconds: 600,
};

export async function setUpProcesses(directory: string): Promise<InstanceSetup> {
  const journal = join(directory, 'journal.jsonl');
  const tiles = join(directory, 'tiles');
  await mkdir(tiles);
  await writeFile(journal, '');
  const environment = { MAYFLY_DEMO_JOURNAL: journal, MAYFLY_DEMO_OUTPUT: tiles };
  return { maxCapacity: FLEET.maxCapacity, journal, tiles, environment };
}

/**
 * @param onProgress called with lines of progress while images are built
 * @throws Error that says why machines cannot boot here
 */
export async function setUpMachines(
  directory: string,
  onProgress: (line: string) => void,
): Promise<InstanceSetup> {
  const shared = join(directory, 'shared');
  const launcher = await createMachineLauncher({ shared, onProgress });
  const journal = join(shared, 'journal.jsonl');
  const tiles = join(shared, 'tiles');
  await mkdir(tiles);
  await writeFile(journal, '');
  // The writers are users of the machines, which do not exist on this host.
  await chmod(tiles, 0o1777);
  await chmod(journal, 0o666);
  return {
    launcher,
    maxCapacity: MACHINES.atMost,
    journal,
    tiles,
    environment: {
      MAYFLY_DEMO_JOURNAL: '/mnt/shared/journal.jsonl',
      MAYFLY_DEMO_OUTPUT: '/mnt/shared/tiles',
      // The images have only the agent's Node.
      MAYFLY_DEMO_NODE: '/opt/mayfly/node/bin/node',
      MAYFLY_DEMO_MAX_CAPACITY: String(MACHINES.atMost),
      MAYFLY_DEMO_WARM_UP: String(MACHINES.warmUpSeconds),
    },
  };
}
