import { randomUUID } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A worker's standard input as a file that has no name any more. Unlike a pipe it is all there before the worker
 * starts, needs no writer in the agent, fails nobody who does not read it, and can be opened as `/dev/stdin`.
 *
 * @returns a descriptor at the start of `content`, which who started the worker closes
 * @throws as `node:fs` does: no space, no right to write
 */
export function openStdin(content: string): number {
  const path = join(tmpdir(), `mayfly-${randomUUID()}`);
  const descriptor = openSync(path, 'wx+', 0o600);
  try {
    unlinkSync(path);
    const bytes = Buffer.from(content);
    // Written at given positions: the descriptor's own, which the worker inherits, stays at the start.
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, at);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
