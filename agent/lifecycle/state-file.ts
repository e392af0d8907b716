import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceContext } from './instance-context.ts';

/** Writes a file of the state directory. If that fails, logs the error with `message` and resolves. */
export async function tryWriteStateFile(
  self: InstanceContext,
  name: string,
  text: string,
  message: string,
): Promise<void> {
  try {
    await writeStateFile(self.stateDirectory, name, text);
  } catch (error) {
    self.log.error({ err: error }, message);
  }
}

/** A reader never sees half a file. */
async function writeStateFile(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  await mkdir(directory, { recursive: true });
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
