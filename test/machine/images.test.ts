import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, inject, test } from 'vitest';
import { missingForMachines } from '../../local/machines/requirements.ts';
import { eventually } from '../support/eventually.ts';

const missing = missingForMachines();
const MODULE = new URL('../../local/machines/images.ts', import.meta.url).href;
const PATIENCE_MS = 300_000;
const LONGEST_END_MS = 30_000;

beforeEach(({ skip }) => {
  if (missing) skip(missing);
});

/** Processes with mounts below a directory. */
async function holders(directory: string): Promise<string[]> {
  const processes = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name));
  const mounts = await Promise.all(
    processes.map((id) => readFile(`/proc/${id}/mounts`, 'utf8').catch(() => '')),
  );
  return processes.filter((_, index) => mounts[index]?.includes(`${directory}/`));
}

function startBuild(cache: string): ChildProcess {
  const script = `(await import('${MODULE}')).findImages('${inject('release')}', console.error)`;
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  return spawn(process.execPath, ['--input-type=module', '--eval', script], {
    ...{ env, detached: true, stdio: 'ignore' },
  });
}

test('a killed build of images leaves no mounts, whose content the next build would delete', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'mayfly-images-'));
  const builder = startBuild(cache);
  try {
    await eventually('a mount', async () => (await holders(cache)).length > 0, PATIENCE_MS);
    expect(await holders(cache)).not.toContain(`${process.pid}`);
  } finally {
    process.kill(-(builder.pid ?? 0), 'SIGKILL');
    // rm would delete the content of a mount.
    await eventually('the end', async () => (await holders(cache)).length === 0, LONGEST_END_MS);
    await rm(cache, { recursive: true, force: true });
  }
});
