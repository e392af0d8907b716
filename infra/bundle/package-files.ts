import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** Whether this is the installed package, where all is built, and not its source. */
export const isBuilt = here.endsWith('.js');

/** Root of the package: its package.json, `ansible/`, `systemd/` and `workers/`. */
export const packageRoot = join(dirname(here), '../..');

/** Where the built package keeps its bundles and compiled modules. */
export const distRoot = join(packageRoot, 'dist');
