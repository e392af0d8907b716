import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { packInto } from '../support/packed.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The archive of `mayfly`, which the projects install. */
    archive: string;
    /** The archive of `mayfly-local`, the embedded cloud. */
    localArchive: string;
  }
}

/** Packs the package before the first test of a run. Returns the teardown. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-packed-'));
  provide('archive', await packInto(directory, 'mayfly'));
  provide('localArchive', await packInto(directory, 'mayfly-local'));
  return () => rmSync(directory, { recursive: true, force: true });
}
