import { LONGEST_BODY } from '../../store/bodies.ts';
import type { FleetSettings } from '../props/settings.ts';

type SlotSettings = Pick<
  FleetSettings,
  'workerMemoryMiB' | 'workerCpu' | 'workerTasks' | 'workerDiskMiB' | 'workerCacheDirectory'
>;

/**
 * What a fleet says of its slots, as lines of a drop-in for `mayfly-slot@.service` (systemd.resource-control(5),
 * systemd.exec(5)). None where it says nothing: the unit's own settings hold then.
 */
export function slotSettings(settings: SlotSettings): string[] {
  const { workerMemoryMiB, workerCpu, workerTasks, workerDiskMiB, workerCacheDirectory } = settings;
  const lines: string[] = [];
  // Swap would let a worker go on beyond its limit, at the cost of the whole instance.
  if (workerMemoryMiB !== undefined) lines.push(`MemoryMax=${workerMemoryMiB}M`, 'MemorySwapMax=0');
  if (workerCpu !== undefined) lines.push(`CPUQuota=${Math.round(workerCpu * 100)}%`);
  if (workerTasks !== undefined) lines.push(`TasksMax=${workerTasks}`);
  if (workerDiskMiB !== undefined) lines.push(...inMemory(workerDiskMiB), largestFile(workerDiskMiB));
  if (workerCacheDirectory !== undefined) lines.push(...cache(workerCacheDirectory));
  return lines.length === 0 ? [] : ['[Service]', ...lines];
}

/** In the place of the private directories on the disk, which no limit can be set for. */
function inMemory(mebibytes: number): string[] {
  const directories = ['/tmp', '/var/tmp'];
  const options = `mode=1777,size=${mebibytes}M,nodev,nosuid`;
  return ['PrivateTmp=no', ...directories.map((path) => `TemporaryFileSystem=${path}:${options}`)];
}

/** A slot is bounded as its worker is, and holds a job's body in a file in memory (memfd_create(2)). */
function largestFile(mebibytes: number): string {
  return `LimitFSIZE=${Math.max(mebibytes, LONGEST_BODY / 1024 ** 2)}M`;
}

/** systemd makes it for the slot's user, and keeps it when the slot ends. */
function cache(path: string): string[] {
  const own = 'mayfly-slot/%i';
  return [`CacheDirectory=${own}`, 'CacheDirectoryMode=0700', `BindPaths=/var/cache/${own}:${path}`];
}
