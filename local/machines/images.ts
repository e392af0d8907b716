import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { machinePath } from './requirements.ts';

/** The releases of Debian that machines can have, with Debian's own code names. */
const SUITES = { 'debian-12': 'bookworm', 'debian-13': 'trixie' } as const;
export type Release = keyof typeof SUITES;

/** Directories with the root file system of a machine before its first boot. They must not be written to. */
export interface Images {
  /** Debian as a cloud image has it, without git and Ansible: a boot installs them from `packages`. */
  stock: string;
  /** The same, with git and Ansible installed. */
  prepared: string;
  /** A flat apt repository, which is served to the machines. */
  packages: string;
}

const RECIPE = join(import.meta.dirname, 'build-images.sh');
const LAST_LINES = 15;

/** The directory in which images are kept between runs: `$XDG_CACHE_HOME/mayfly`, by default `~/.cache/mayfly`. */
export function imageCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'mayfly');
}

/**
 * Finds the images of a release that this version's script builds. The first call on a host builds them: it takes
 * about a minute and downloads about 200 MB. Other processes wait until they are built.
 *
 * @param onProgress called with progress messages for a person.
 * @throws Error with the last lines of the build output
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

/** In its own mount namespace, so that a killed build leaves no mounts. A later build removes its files. */
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
    // The build script's own messages. Those of apt and the packages are shown only if it fails.
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
