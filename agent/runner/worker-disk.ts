import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { type DiskSpace, diskProblem } from '../../policy/disk.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { Options } from '../config/options.ts';

export interface WorkerDiskOptions {
  /** Where workers write: any path on each of their file systems. One that is not there is left out. */
  paths: readonly string[];
  leastFreeBytes: number;
  clock: Clock;
  log: Log;
}

/** On a machine slots have their caches and their private `/var/tmp`, with the homes, there. `/tmp` may be in memory. */
const MACHINE_PATHS = ['/var/cache', '/var/tmp'];

/** Where the workers of this agent write: in slots of the machine, else as its own children do. */
export function createWorkerDisk(
  { slots, workerDirectory }: Pick<Options, 'slots' | 'workerDirectory'>,
  { minFreeDiskBytes }: Pick<AgentConfig, 'minFreeDiskBytes'>,
  clock: Clock,
  log: Log,
): WorkerDisk {
  const paths = slots === undefined ? [workerDirectory, tmpdir()] : MACHINE_PATHS;
  return new WorkerDisk({ paths, leastFreeBytes: minFreeDiskBytes, clock, log });
}

/** Hundreds of jobs a second are claimed by one look. */
const LOOK_MS = 1000;

/** The disks that workers write to, looked at once a second at most. */
export class WorkerDisk {
  readonly #options: WorkerDiskOptions;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #looked: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(options: WorkerDiskOptions) {
    this.#options = options;
  }

  /** What is wrong with it, for a person; undefined: nothing, or it cannot be seen. Never rejects. */
  problem(): Promise<string | undefined> {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - this.#lookedAtMs >= LOOK_MS) {
      this.#lookedAtMs = nowMs;
      this.#looked = this.#look();
    }
    return this.#looked;
  }

  async #look(): Promise<string | undefined> {
    const { paths, leastFreeBytes } = this.#options;
    if (leastFreeBytes === 0) return undefined;
    const disks = await Promise.all(paths.map((path) => this.#space(path)));
    return diskProblem(
      disks.flatMap((disk) => disk ?? []),
      leastFreeBytes,
    );
  }

  async #space(path: string): Promise<DiskSpace | undefined> {
    try {
      const { bavail, bsize, files, ffree } = await statfs(path);
      return { path, freeBytes: bavail * bsize, files, freeFiles: ffree };
    } catch (err) {
      this.#options.log.debug({ path, err }, 'the free space of a disk is not known');
      return undefined;
    }
  }
}
