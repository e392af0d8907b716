/**
 * Builds the published package: JavaScript and types of the command and its library, the construct, and the bundles of agent
 * and keeper. Node does not strip types under node_modules. `npm run build` builds the package of the embedded cloud first:
 * the command is compiled against its declarations.
 */

import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { execaSync } from 'execa';
import { distRoot, packageRoot } from '../../lib/package-files.ts';
import { BUNDLES, type BundleName, bundle } from './bundle.ts';

rmSync(distRoot, { recursive: true, force: true });
compile('tsconfig.build.json');
bundlePlaybookReader(join(distRoot, 'client/requests'));
buildConstruct(join(distRoot, 'cdk'));
for (const name of Object.keys(BUNDLES) as BundleName[]) {
  const file = join(distRoot, BUNDLES[name].file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bundle(name));
}

/**
 * Puts the parser of YAML into the one module that needs it. As a dependency it would be one more package of 0.7 MB in each
 * installation, which has less room left (test/projects/package.test.ts). The module throws no error of the library's and
 * shares no state with it, so that a copy does no harm.
 */
function bundlePlaybookReader(directory: string): void {
  const license = readFileSync(join(packageRoot, 'node_modules/yaml/LICENSE'), 'utf8');
  buildSync({
    absWorkingDir: packageRoot,
    entryPoints: ['client/requests/playbook-warnings.ts'],
    outfile: join(directory, 'playbook-warnings.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.13',
    // Its build of ES modules. That for Node is CommonJS, which an ES module cannot require Node's modules for.
    alias: { yaml: './node_modules/yaml/browser/index.js' },
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: `/* The package yaml is in this file:\n\n${license}*/` },
    logLevel: 'warning',
  });
  for (const part of globSync('playbook/*.js', { cwd: directory })) rmSync(join(directory, part));
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
