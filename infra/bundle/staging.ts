import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';

/**
 * Fills a temporary directory, passes it to `use` with the hash of its content, and removes it. CDK copies the directory of
 * an asset while `use` creates the construct.
 */
export function withStagingDirectory<T>(
  fill: (directory: string) => void,
  use: (directory: string, hash: string) => T,
): T {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-asset-'));
  try {
    fill(directory);
    return use(directory, contentHash(directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * SHA-256 of the names, contents and execute bits of the files. CDK's fingerprint omits the execute bits, so a worker that
 * was made executable would not be deployed. Instances check the tree against this hash: `unzip_into` of `boot.sh` computes it
 * from the archive.
 */
export function contentHash(directory: string): string {
  const hash = createHash('sha256');
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll(sep, '/'))
    .sort();
  for (const name of names) {
    const path = join(directory, name);
    const status = statSync(path);
    if (!status.isFile()) continue;
    const content = readFileSync(path);
    hash.update(`${name}\0${(status.mode & 0o111) === 0 ? '-' : 'x'}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}
