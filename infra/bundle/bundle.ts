import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Esbuild from 'esbuild';
import { distRoot, isBuilt, packageRoot } from '../../lib/package-files.ts';

/** Programs that are deployed as one file: the agent to the instances, the keeper to its Lambda function. */
export const BUNDLES = {
  agent: { entry: 'agent/main.ts', file: 'agent/agent.mjs' },
  keeper: { entry: 'keeper/main.ts', file: 'keeper/index.mjs' },
} as const;

export type BundleName = keyof typeof BUNDLES;

/** CommonJS dependencies load Node's modules by `require`, which an ES module does not have. */
const REQUIRE_FOR_COMMONJS =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

const bundled = new Map<BundleName, Uint8Array>();

/** The bundle: made from source, or the file of the built package. The same source gives the same bytes in any directory. */
export function bundle(name: BundleName): Uint8Array {
  if (isBuilt) return readFileSync(join(distRoot, BUNDLES[name].file));
  const known = bundled.get(name);
  if (known) return known;
  const fresh = bundleFrom(packageRoot, name);
  bundled.set(name, fresh);
  return fresh;
}

/** Makes a bundle. Throws the error of esbuild, which names file and line. */
export function bundleFrom(root: string, name: BundleName): Uint8Array {
  // Loaded only when Mayfly runs from source: the built package does not depend on esbuild.
  const esbuild: typeof Esbuild = createRequire(import.meta.url)('esbuild');
  const result = esbuild.buildSync({
    absWorkingDir: root,
    entryPoints: [BUNDLES[name].entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    // Modules are named by the path that imports them, so a linked node_modules does not change the bundle.
    preserveSymlinks: true,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'eof',
    logLevel: 'silent',
    banner: { js: REQUIRE_FOR_COMMONJS },
  });
  const [output] = result.outputFiles;
  if (!output) throw new Error(`esbuild made nothing of ${BUNDLES[name].entry}`);
  return output.contents;
}
