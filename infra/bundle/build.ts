/**
 * Builds the published package: JavaScript and types of the command and its library, the construct, and the bundles of agent
 * and keeper. Node does not strip types under node_modules. `npm run build` builds the package of the embedded cloud first:
 * the command is compiled against its declarations.
 */

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { execaSync } from 'execa';
import { distRoot, packageRoot } from '../../lib/package-files.ts';
import { BUNDLES, type BundleName, bundle } from './bundle.ts';

rmSync(distRoot, { recursive: true, force: true });
compile('tsconfig.build.json');
buildConstruct(join(distRoot, 'cdk'));
for (const name of Object.keys(BUNDLES) as BundleName[]) {
  const file = join(distRoot, BUNDLES[name].file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bundle(name));
}

/**
 * Builds `mayfly/cdk` as one file of CommonJS, the module system of most CDK apps and of jest. ES modules import the same
 * file, so that an app never contains two copies of the construct.
 */
function buildConstruct(directory: string): void {
  compile('tsconfig.cdk.json');
  // By the nearest package.json TypeScript decides whether declarations are of an ES module or of CommonJS.
  writeFileSync(join(directory, 'package.json'), '{ "type": "commonjs" }\n');
  copyFileSync(join(packageRoot, 'infra/instance/boot.sh'), join(directory, 'boot.sh'));
  buildSync({
    absWorkingDir: packageRoot,
    entryPoints: ['infra/index.ts'],
    outfile: join(directory, 'index.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22.13',
    // The app's own copies.
    external: ['aws-cdk-lib', 'constructs'],
    // CommonJS has no import.meta.
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: {
      js: "'use strict';\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
    },
    legalComments: 'eof',
    logLevel: 'warning',
  });
}

function compile(project: string): void {
  execaSync('tsc', ['--project', project], { cwd: packageRoot, preferLocal: true, stdio: 'inherit' });
}
