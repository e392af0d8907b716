import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerResult } from './runner.ts';
import { RESULT_VARIABLE } from './task-files.ts';
import { readWorkerResult } from './worker-result.ts';

/** In memory, so that nothing of a file is left on a disk (shm_overview(7)). macOS does not have it. */
const MEMORY = '/dev/shm';

/**
 * The directory of a run without a slot, with the files of its task and its worker's result. Only the agent's user can open
 * it. The worker has the same user, and can put anything there.
 */
export class JobDirectory {
  /** The variables with the paths. */
  readonly variables: Readonly<Record<string, string>>;
  readonly #path: string;

  /** @throws as `node:fs` does: no space, no permission. Then nothing is left. */
  constructor(files: Readonly<Record<string, string>> = {}) {
    this.#path = mkdtempSync(join(findParent(), `mayfly-${process.pid}-`));
    const names = [...Object.keys(files), RESULT_VARIABLE];
    this.variables = Object.fromEntries(names.map((name) => [name, join(this.#path, name)]));
    try {
      for (const [name, content] of Object.entries(files)) {
        writeFileSync(join(this.#path, name), content, { mode: 0o400, flag: 'wx' });
      }
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** To be called when the worker has ended. */
  readResult(): WorkerResult | undefined {
    return readWorkerResult(join(this.#path, RESULT_VARIABLE));
  }

  remove(): void {
    tryToRemove(this.#path);
  }
}

/** Removes the directories of agents that were killed before they could do it. */
export function removeStaleDirectories(): void {
  const parent = findParent();
  for (const name of readdirSync(parent)) {
    const pid = /^mayfly-(\d+)-\w{6}$/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) tryToRemove(join(parent, name));
  }
}

function findParent(): string {
  return existsSync(MEMORY) ? MEMORY : tmpdir();
}

/** Without effect on what is another user's. A process that is still there may add to a directory, which then stays. */
function tryToRemove(path: string): void {
  try {
    removeTree(path);
  } catch {
    // The files of the task were removed first.
  }
}

/** Unlike `rmSync` it also removes directories to which the worker has taken away the rights. */
function removeTree(path: string): void {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (!status) return;
  if (!status.isDirectory()) {
    unlinkSync(path);
    return;
  }
  chmodSync(path, 0o700);
  const entries = readdirSync(path, { withFileTypes: true });
  // Files first, because a directory may be too deep to be removed.
  for (const entry of entries.toSorted((a, b) => Number(a.isDirectory()) - Number(b.isDirectory()))) {
    removeTree(join(path, entry.name));
  }
  rmdirSync(path);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process is there, and may not be signalled.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
