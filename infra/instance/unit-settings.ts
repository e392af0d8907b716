import { MAX_BODY_BYTES } from '../../store/body-store.ts';
import type { FleetSettings } from '../props/settings.ts';

type SlotSettings = Pick<
  FleetSettings,
  'workerMemoryMiB' | 'workerCpu' | 'workerTasks' | 'workerDiskMiB' | 'workerCacheDirectory'
>;

/**
 * The lines of a drop-in for `mayfly-slot@.service` (systemd.resource-control(5), systemd.exec(5)). There are none if the owner
 * sets no limits: then the settings of the unit apply.
 */
export function makeSlotDropIn(settings: SlotSettings): string[] {
  const { workerMemoryMiB, workerCpu, workerTasks, workerDiskMiB, workerCacheDirectory } = settings;
  const lines: string[] = [];
  // With swap a worker could exceed its limit and slow down the whole instance.
  if (workerMemoryMiB !== undefined) lines.push(`MemoryMax=${workerMemoryMiB}M`, 'MemorySwapMax=0');
  if (workerCpu !== undefined) lines.push(`CPUQuota=${Math.round(workerCpu * 100)}%`);
  if (workerTasks !== undefined) lines.push(`TasksMax=${workerTasks}`);
  if (workerDiskMiB !== undefined) lines.push(...inMemory(workerDiskMiB), largestFile(workerDiskMiB));
  if (workerCacheDirectory !== undefined) lines.push(...cache(workerCacheDirectory));
  return lines.length === 0 ? [] : ['[Service]', ...lines];
}

/** Directories in memory instead of private directories on disk, whose size cannot be limited. */
function inMemory(mebibytes: number): string[] {
  const directories = ['/tmp', '/var/tmp'];
  const options = `mode=1777,size=${mebibytes}M,nodev,nosuid`;
  return ['PrivateTmp=no', ...directories.map((path) => `TemporaryFileSystem=${path}:${options}`)];
}

/** The limit also applies to the slot's own process, which writes a job's body to a file in memory (memfd_create(2)). */
function largestFile(mebibytes: number): string {
  return `LimitFSIZE=${Math.max(mebibytes, MAX_BODY_BYTES / 1024 ** 2)}M`;
}

/** systemd creates the directory for the slot's user, and keeps it when the slot stops. */
function cache(path: string): string[] {
  const own = 'mayfly-slot/%i';
  return [`CacheDirectory=${own}`, 'CacheDirectoryMode=0700', `BindPaths=/var/cache/${own}:${path}`];
}
