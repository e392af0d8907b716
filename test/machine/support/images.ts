import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { Release } from '../../../local/machines/images.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A directory for images that the tests of a run share. */
    images: string;
    /** The Debian release of the machines of a run. */
    release: Release;
  }
}

/** Creates the directory before the first test of a run. Returns the teardown. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const images = await mkdtemp(join(tmpdir(), 'mayfly-baked-'));
  provide('images', images);
  return () => rm(images, { recursive: true, force: true });
}
