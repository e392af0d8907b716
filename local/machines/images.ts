import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { machinePath } from './requirements.ts';

/** Releases of Debian that machines can be, and Debian's own names of them. */
const SUITES = { 'debian-12': 'bookworm', 'debian-13': 'trixie' } as const;
export type Release = keyof typeof SUITES;

/** Directories, each the root of a machine's file system as it is before the first boot. Never to be written to. */
export interface Images {
  /** Debian as a cloud image has it, without git and Ansible: a boot fetches them from `packages`. */
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
 * The images of a release by this version's recipe. The first call on a host builds them, which takes about a minute
 * and downloads some 200 MB; another process that wants them meanwhile waits for it.
 *
 * @param onProgress called with a line for a person, now and then.
 * @throws Error with the last lines of the builder
 */
export async function findImages(release: Release, onProgress: (line: string) => void): Promise<Images> {
  const recipe = createHash('sha256')
    .update(await readFile(RECIPE))
    .update(process.arch)
    .digest('hex');
  const directory = join(imageCache(), `images-${release}-${recipe.slice(0, 12)}`);
  if (!(await isThere(directory))) {
    await mkdir(imageCache(), { recursive: true });
    const name = release.replace('debian-', 'Debian ');
    onProgress(
      `Building the images of ${name} that machines boot from, once, in ${directory} (about a minute) ...`,
    );
    await build(SUITES[release], directory, onProgress);
  }
  return {
    stock: join(directory, 'stock'),
    prepared: join(directory, 'prepared'),
    packages: join(directory, 'packages'),
  };
}

/** In mounts of its own, of which nothing is left when it is killed: a later build removes what it was making. */
const ALONE = ['unshare', '--mount', '--propagation', 'private'];

async function build(suite: string, directory: string, onProgress: (line: string) => void): Promise<void> {
  const builder = spawn(
    'flock',
    [
      `${directory}.lock`,
      ...ALONE,
      'sh',
      '-c',
      '[ -d "$3" ] || exec sh "$@"',
      'sh',
      RECIPE,
      suite,
      directory,
    ],
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
