import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Creates a directory with the command `mayfly` of this checkout. */
export async function linkPrograms(directory: string): Promise<string> {
  const programs = join(directory, 'bin');
  await mkdir(programs);
  await symlink(join(ROOT, 'bin/mayfly.js'), join(programs, 'mayfly'));
  return programs;
}
