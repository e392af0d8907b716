import { access, mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RemovalPolicy } from 'aws-cdk-lib';
import { inject } from 'vitest';
import { bakeImage } from '../../../bench/boot/bake.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { synthesise } from '../../support/deploy.ts';
import { eventually } from '../../support/eventually.ts';
import { WORKER_DIRECTORY } from '../../support/fleet.ts';

const LONGEST_BAKE_MS = 280_000;

const PROPS: WorkerFleetProps = {
  command: ['true'],
  workerDirectory: WORKER_DIRECTORY,
  bakedImage: true,
  removalPolicy: RemovalPolicy.DESTROY,
};

/**
 * The root of an image that was baked for the tree of the test worker, without set-up. On it an agent starts in seconds. The
 * first test of a run that needs it bakes it, the others wait.
 */
export async function bakedImage(): Promise<string> {
  const root = join(inject('images'), 'baked');
  const look = async () => ((await isThere(root)) || (await bakeAlone(root))) && root;
  return eventually('the baked image', look, LONGEST_BAKE_MS);
}

/** Whether this process has baked it. One process bakes at a time; after a failure the next one tries. */
async function bakeAlone(root: string): Promise<boolean> {
  const lock = `${root}.lock`;
  const mine = await mkdir(lock).then(
    () => true,
    () => false,
  );
  if (!mine) return false;
  const part = `${root}.part`;
  try {
    if (await isThere(root)) return true;
    await bakeImage('prepared', synthesise(PROPS), part, console.error, inject('release'));
    await rename(part, root);
    return true;
  } finally {
    await rm(part, { recursive: true, force: true });
    await rmdir(lock);
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
