import { randomUUID } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Creates a worker's standard input as a deleted file. Unlike a pipe it is complete before the worker starts, needs no
 * writer in the agent, causes no error if the worker does not read it, and can be opened as `/dev/stdin`.
 *
 * @returns a descriptor at the start of `content`, to be closed after the worker was started
 * @throws as `node:fs` does: no space, no permission
 */
export function openStdin(content: string): number {
  const path = join(tmpdir(), `mayfly-${randomUUID()}`);
  const descriptor = openSync(path, 'wx+', 0o600);
  try {
    unlinkSync(path);
    const bytes = Buffer.from(content);
    // Written at explicit positions, so that the descriptor's offset, which the worker inherits, stays at the start.
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, at);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
