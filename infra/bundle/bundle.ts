import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Esbuild from 'esbuild';
import { distRoot, isBuilt, packageRoot } from './package-files.ts';

/** What runs elsewhere as one file: on instances, and as the keeper's function. */
export const BUNDLES = {
  agent: { entry: 'agent/main.ts', file: 'agent/agent.mjs' },
  keeper: { entry: 'keeper/main.ts', file: 'keeper/index.mjs' },
} as const;

export type BundleName = keyof typeof BUNDLES;

/** CommonJS dependencies ask for Node's own modules by `require`, which a module does not have. */
const REQUIRE_FOR_COMMONJS =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

const bundled = new Map<BundleName, Uint8Array>();

/** The bundle, from source or as it was built. The same source gives the same bytes, wherever it lies. */
export function bundle(name: BundleName): Uint8Array {
  if (isBuilt) return readFileSync(join(distRoot, BUNDLES[name].file));
  const known = bundled.get(name);
  if (known) return known;
  const fresh = bundleFrom(packageRoot, name);
  bundled.set(name, fresh);
  return fresh;
}

/** Throws esbuild's own error, which names file and line. */
export function bundleFrom(root: string, name: BundleName): Uint8Array {
  // Only loaded from source: it is no dependency of the built package.
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
    // A module is named by where it was asked for: a linked node_modules makes no other bundle.
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
