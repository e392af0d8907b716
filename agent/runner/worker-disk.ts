import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { type DiskSpace, findDiskProblem } from '../../policy/disk.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { CommandLineOptions } from '../config/options.ts';

export interface WorkerDiskOptions {
  /** One path on each file system that workers write to. A path that does not exist is ignored. */
  paths: readonly string[];
  minFreeBytes: number;
  clock: Clock;
  log: Log;
}

/** Slots have their caches, their private `/var/tmp` and their homes there. `/tmp` may be in memory. */
const SLOT_PATHS = ['/var/cache', '/var/tmp'];

/** Creates the disks of this agent's workers, which run in slots or as child processes. */
export function createWorkerDisk(
  { slots, workerDirectory }: Pick<CommandLineOptions, 'slots' | 'workerDirectory'>,
  { minFreeDiskBytes }: Pick<AgentConfig, 'minFreeDiskBytes'>,
  clock: Clock,
  log: Log,
): WorkerDisk {
  const paths = slots === undefined ? [workerDirectory, tmpdir()] : SLOT_PATHS;
  return new WorkerDisk({ paths, minFreeBytes: minFreeDiskBytes, clock, log });
}

/** One check is enough for the hundreds of jobs that may be claimed in this time. */
const CHECK_MS = 1000;

/** The disks that workers write to. They are checked at most once a second. */
export class WorkerDisk {
  readonly #options: WorkerDiskOptions;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #lastCheck: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(options: WorkerDiskOptions) {
    this.#options = options;
  }

  /** Returns what is wrong with a disk, for a person. Undefined: nothing, or it is not known. Never rejects. */
  findProblem(): Promise<string | undefined> {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - this.#checkedAtMs >= CHECK_MS) {
      this.#checkedAtMs = nowMs;
      this.#lastCheck = this.#check();
    }
    return this.#lastCheck;
  }

  async #check(): Promise<string | undefined> {
    const { paths, minFreeBytes } = this.#options;
    if (minFreeBytes === 0) return undefined;
    const disks = await Promise.all(paths.map((path) => this.#readSpace(path)));
    return findDiskProblem(
      disks.flatMap((disk) => disk ?? []),
      minFreeBytes,
    );
  }

  async #readSpace(path: string): Promise<DiskSpace | undefined> {
    try {
      const { bavail, bsize, files, ffree } = await statfs(path);
      return { path, freeBytes: bavail * bsize, files, freeFiles: ffree };
    } catch (err) {
      this.#options.log.debug({ path, err }, 'cannot read the free space of a disk');
      return undefined;
    }
  }
}
