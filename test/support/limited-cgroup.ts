import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface LimitedCgroup {
  directory: string;
  /** The file with its limit. */
  limit: string;
}

export interface MemoryCgroup extends LimitedCgroup {
  /** The file that counts killed processes, on a line `oom_kill <number>`. */
  events: string;
}

/** Creates a cgroup with a memory limit, for one test. Undefined if that is not possible. */
export async function memoryCgroup(mebibytes: number): Promise<MemoryCgroup | undefined> {
  const bytes = mebibytes * 1024 ** 2;
  const second = await limited('/sys/fs/cgroup', 'memory.max', bytes);
  if (second) return { ...second, events: join(second.directory, 'memory.events') };
  const first = await limited('/sys/fs/cgroup/memory', 'memory.limit_in_bytes', bytes);
  return first && { ...first, events: join(first.directory, 'memory.oom_control') };
}

/** Creates a cgroup with a limit of processes and threads, for one test. Undefined if that is not possible. */
export async function tasksCgroup(tasks: number): Promise<LimitedCgroup | undefined> {
  return (
    (await limited('/sys/fs/cgroup', 'pids.max', tasks)) ?? limited('/sys/fs/cgroup/pids', 'pids.max', tasks)
  );
}

let made = 0;

/** cgroup v2 has one directory for all controllers. v1, which some containers and VMs have, has one for each. */
async function limited(root: string, file: string, value: number): Promise<LimitedCgroup | undefined> {
  if (!existsSync(join(root, 'cgroup.procs'))) return undefined;
  made += 1;
  const directory = join(root, `mayfly-limit-${process.pid}-${made}`);
  await mkdir(directory);
  const limit = join(directory, file);
  try {
    await writeFile(limit, `${value}`);
  } catch {
    await rmdir(directory);
    return undefined;
  }
  onTestFinished(() => rmdir(directory));
  return { directory, limit };
}
