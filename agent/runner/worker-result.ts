import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { WorkerResult } from './runner.ts';

/** The longest result, in bytes of UTF-8. The slot has the same number (systemd/mayfly-slot/job_files.py). */
const MAX_RESULT_BYTES = 4096;

const NOT_REGULAR: WorkerResult = { problem: 'it is not a regular file' };

/**
 * Reads what a worker that has ended left at `path`, where it could put anything: a link, a FIFO, a directory. A slot does the
 * same in Python, because it has the worker's file systems.
 *
 * @returns undefined if there is no file, or an empty one. Never throws.
 */
export function readWorkerResult(path: string): WorkerResult | undefined {
  let descriptor: number | undefined;
  try {
    // A link is not followed, and a FIFO without a writer is not waited for.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return readFrom(descriptor);
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // A link is refused with ELOOP, and a socket with ENXIO (open(2)).
    return code === 'ELOOP' || code === 'ENXIO' ? NOT_REGULAR : { problem: `it cannot be read (${code})` };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readFrom(descriptor: number): WorkerResult | undefined {
  const status = fstatSync(descriptor);
  if (!status.isFile()) return NOT_REGULAR;
  const bytes = Buffer.alloc(MAX_RESULT_BYTES + 1);
  const length = readSync(descriptor, bytes);
  if (length > MAX_RESULT_BYTES)
    return { problem: `it has ${status.size} bytes, and a result has at most ${MAX_RESULT_BYTES}` };
  const text = bytes.subarray(0, length);
  if (!isUtf8(text)) return { problem: 'it is not UTF-8' };
  return length === 0 ? undefined : { text: text.toString() };
}
