import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** Whether this is the built package and not its source. */
export const isBuilt = here.endsWith('.js');

/** Root of the package: its package.json, `ansible/`, `systemd/` and `workers/`. */
export const packageRoot = findRoot(dirname(here));

/** Directory of the bundles and compiled modules. */
export const distRoot = join(packageRoot, 'dist');

/**
 * The nearest directory above that has the command. Source, build and bundles lie at different depths below it. Without one
 * (an app has bundled this file into its own) the first read of a file of the package names the path that does not exist.
 */
function findRoot(directory: string): string {
  if (existsSync(join(directory, 'bin/mayfly.js'))) return directory;
  const above = dirname(directory);
  return above === directory ? dirname(here) : findRoot(above);
}
