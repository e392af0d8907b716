/** Whether a disk has room for another job. */

/** What statfs(2) says of a file system, as users without privileges see it. */
export interface DiskSpace {
  path: string;
  freeBytes: number;
  /** Files in all, and how many more can be made. Of 0 in all the file system keeps no count. */
  files: number;
  freeFiles: number;
}

/** A job that writes a few files needs a few hundred: a package installed, a repository checked out. */
export const LEAST_FREE_FILES = 1000;

const MIB = 1024 * 1024;

/** What is wrong with the disks that workers write to, for a person; undefined: nothing. */
export function diskProblem(disks: readonly DiskSpace[], leastFreeBytes: number): string | undefined {
  for (const { path, freeBytes, files, freeFiles } of disks) {
    if (freeBytes < leastFreeBytes) {
      return `${path} has ${Math.floor(freeBytes / MIB)} MiB free, less than the ${Math.ceil(leastFreeBytes / MIB)} MiB of minFreeDisk`;
    }
    if (files > 0 && freeFiles < LEAST_FREE_FILES) {
      return `${path} has room for ${freeFiles} more files, less than ${LEAST_FREE_FILES}`;
    }
  }
  return undefined;
}
