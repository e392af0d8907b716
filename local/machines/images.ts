import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { machinePath } from './requirements.ts';

/** Directories, each the root of a machine's file system as it is before the first boot. Never to be written to. */
export interface Images {
  /** Debian 12 as a cloud image has it, without git and Ansible: a boot fetches them from `packages`. */
  stock: string;
  /** The same with them. */
  prepared: string;
  /** A flat apt repository, which the lab serves to its machines. */
  packages: string;
}

const RECIPE = join(import.meta.dirname, 'build-images.sh');
const LAST_LINES = 15;

/** Where images are kept between runs: `$XDG_CACHE_HOME/mayfly`, by default `~/.cache/mayfly`. */
export function imageCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'mayfly');
}

/**
 * The images of this version's recipe. The first call on a host builds them, which takes about a minute and downloads
 * some 200 MB; another process that wants them meanwhile waits for it.
 *
 * @param onProgress called with a line for a person, now and then.
 * @throws Error with the last lines of the builder
 */
export async function findImages(onProgress: (line: string) => void): Promise<Images> {
  const recipe = createHash('sha256')
    .update(await readFile(RECIPE))
    .update(process.arch)
    .digest('hex');
  const directory = join(imageCache(), `images-${recipe.slice(0, 12)}`);
  if (!(await isThere(directory))) {
    await mkdir(imageCache(), { recursive: true });
    onProgress(`Building the images that machines boot from, once, in ${directory} (about a minute) ...`);
    await build(directory, onProgress);
  }
  return {
    stock: join(directory, 'stock'),
    prepared: join(directory, 'prepared'),
    packages: join(directory, 'packages'),
  };
}

async function build(directory: string, onProgress: (line: string) => void): Promise<void> {
  const builder = spawn(
    'flock',
    [`${directory}.lock`, 'sh', '-c', '[ -d "$2" ] || exec sh "$1" "$2"', 'sh', RECIPE, directory],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH: machinePath, LC_ALL: 'C' } },
  );
  const lines: string[] = [];
  const reader = createInterface({ input: builder.stderr });
  reader.on('line', (line) => {
    lines.push(line);
    // The builders' own messages; apt's and the packages' are for the case that it fails.
    if (line.startsWith('I: ')) onProgress(`  ${line.slice(3)}`);
  });
  await new Promise<void>((resolve, reject) => {
    builder.once('error', reject);
    builder.once('close', (code) => {
      const said = lines.slice(-LAST_LINES).join('\n');
      code === 0 ? resolve() : reject(new Error(`The images could not be built (exit ${code}):\n${said}`));
    });
  });
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
