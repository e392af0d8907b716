import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A worker's standard input as a file that has no name any more. Unlike a pipe it is all there before the worker
 * starts, needs no writer in the agent, fails nobody who does not read it, and can be opened as `/dev/stdin`.
 */
export class StdinFiles {
  readonly #directory: string;
  #made = 0;

  /** @param parent where to make a folder of their own */
  constructor(parent: string) {
    this.#directory = mkdtempSync(join(parent, 'mayfly-agent-'));
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Returns a descriptor at the start of `content`; who started the worker closes it. Throws as `node:fs` does. */
  open(content: string): number {
    this.#made += 1;
    const path = join(this.#directory, `${this.#made}`);
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
}
