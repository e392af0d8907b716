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

/** The nearest directory above that has the command. Source, build and bundles lie at different depths below it. */
function findRoot(directory: string): string {
  if (existsSync(join(directory, 'bin/mayfly.js'))) return directory;
  const above = dirname(directory);
  if (above === directory) throw new Error(`${here} is in no package of mayfly`);
  return findRoot(above);
}
