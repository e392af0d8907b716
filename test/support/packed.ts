import { join } from 'node:path';
import { execa } from 'execa';
import { packageRoot } from '../../lib/package-files.ts';

/** The directory of the checkout's Node and tools, as `npx` finds them. */
export const tools = join(packageRoot, 'node_modules', '.bin');

export const NPM_FLAGS = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];

/** Packs one of the two packages as `npm publish` would. Returns the path of the archive. */
export async function packInto(directory: string, name: 'mayfly' | 'mayfly-local'): Promise<string> {
  const workspace = name === 'mayfly' ? [] : ['--workspace', name];
  const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', directory, ...workspace], {
    cwd: packageRoot,
  });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as { filename: string }[];
  return join(directory, packed?.filename ?? '');
}
