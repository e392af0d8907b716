import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** Whether this is the built package and not its source. */
export const isBuilt = here.endsWith('.js');

/** Root of the package, with package.json, `ansible/`, `systemd/` and `workers/`. */
export const packageRoot = join(dirname(here), '../..');

/** Directory of the bundles and compiled modules. */
export const distRoot = join(packageRoot, 'dist');
