import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface MemoryCgroup {
  directory: string;
  /** The file that counts what was killed, on a line `oom_kill <number>`. */
  events: string;
  limit: string;
  /** Once nobody is in it. */
  remove(): Promise<void>;
}

/** What the two versions of cgroups call the same things. Version 1 is what containers and virtual machines may have. */
const VERSIONS = [
  { root: '/sys/fs/cgroup', events: 'memory.events', limit: 'memory.max', only: 'cgroup.controllers' },
  {
    root: '/sys/fs/cgroup/memory',
    events: 'memory.oom_control',
    limit: 'memory.limit_in_bytes',
    only: 'memory.oom_control',
  },
];

/** A cgroup whose processes have that much memory. Undefined where none can be made. */
export async function memoryCgroup(mebibytes: number): Promise<MemoryCgroup | undefined> {
  const version = VERSIONS.find(({ root, only }) => existsSync(join(root, only)));
  if (!version) return undefined;
  const directory = join(version.root, `mayfly-memory-${process.pid}`);
  await mkdir(directory);
  const limit = join(directory, version.limit);
  try {
    await writeFile(limit, `${mebibytes * 1024 ** 2}`);
  } catch {
    await rmdir(directory);
    return undefined;
  }
  return { directory, events: join(directory, version.events), limit, remove: () => rmdir(directory) };
}
