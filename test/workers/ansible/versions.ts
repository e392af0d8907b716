import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { imageCache } from '../../../local/machines/images.ts';

/**
 * Finds the ansible-core of Debian 13, which is 2.19, without installing it. The first call on a machine downloads 20 MB from
 * the machine's mirror of Debian.
 *
 * @returns the directory of its programs
 * @throws Error with what apt-get said
 */
export function findAnsibleOfDebian13(): string {
  const directory = join(imageCache(), 'ansible-core-trixie');
  if (!existsSync(directory)) {
    mkdirSync(imageCache(), { recursive: true });
    const script = join(import.meta.dirname, 'fetch-ansible.sh');
    const { status, stderr } = spawnSync(script, ['trixie', directory], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`The ansible-core of Debian 13 could not be fetched: ${stderr}`);
  }
  return join(directory, 'bin');
}
