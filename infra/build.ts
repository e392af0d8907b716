/**
 * Builds what the published package holds (`npm run build`, and `prepack`): JavaScript and types of the construct and
 * the command, and the bundles of agent and keeper. Node strips no types under node_modules.
 */

import { copyFileSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execaSync } from 'execa';
import { BUNDLES, type BundleName, bundle } from './bundle.ts';
import { distRoot, packageRoot } from './package-files.ts';

rmSync(distRoot, { recursive: true, force: true });
execaSync('tsc', ['--project', 'tsconfig.build.json'], {
  cwd: packageRoot,
  preferLocal: true,
  stdio: 'inherit',
});
for (const script of ['infra/boot.sh', ...globSync('local/machines/*.sh', { cwd: packageRoot })]) {
  copyFileSync(join(packageRoot, script), join(distRoot, script));
}
for (const name of Object.keys(BUNDLES) as BundleName[]) {
  const file = join(distRoot, BUNDLES[name].file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bundle(name));
}
