/** Whether a disk has room for another job. */

/** The result of statfs(2) for a file system, as unprivileged users see it. */
export interface DiskSpace {
  path: string;
  freeBytes: number;
  /** Inodes in total, and free ones. A total of 0: the file system does not count inodes. */
  files: number;
  freeFiles: number;
}

/** Even a small job may create hundreds of files, for example when it installs a package or checks out a repository. */
const MIN_FREE_FILES = 1000;

const MIB = 1024 * 1024;

/** Describes for a person which disk of the workers is too full. Undefined: none is. */
export function findDiskProblem(disks: readonly DiskSpace[], leastFreeBytes: number): string | undefined {
  for (const { path, freeBytes, files, freeFiles } of disks) {
    if (freeBytes < leastFreeBytes) {
      return `${path} has ${Math.floor(freeBytes / MIB)} MiB free, less than the ${Math.ceil(leastFreeBytes / MIB)} MiB of minFreeDisk`;
    }
    if (files > 0 && freeFiles < MIN_FREE_FILES) {
      return `${path} has room for ${freeFiles} more files, less than ${MIN_FREE_FILES}`;
    }
  }
  return undefined;
}
