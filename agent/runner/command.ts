import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { WorkerMissing } from './runner.ts';

/**
 * Finds the program that a fleet's command names: a first word with a slash is a path, seen from the worker
 * directory; any other is looked up on the worker's own `PATH`, as a shell would.
 *
 * @returns the program's absolute path
 * @throws WorkerMissing saying what is not there or not executable
 */
export async function findProgram(word: string, workerDirectory: string, path: string): Promise<string> {
  if (word.includes('/')) {
    const file = resolve(workerDirectory, word);
    const problem = await whyNotRunnable(file);
    if (problem) throw new WorkerMissing(word, problem);
    return file;
  }
  for (const directory of path.split(delimiter)) {
    const file = join(directory || '.', word);
    if ((await whyNotRunnable(file)) === undefined) return file;
  }
  throw new WorkerMissing(word, `there is no such program on PATH (${path})`);
}

async function whyNotRunnable(file: string): Promise<string | undefined> {
  try {
    if (!(await stat(file)).isFile()) return `${file} is not a file`;
  } catch {
    return `there is no file ${file}`;
  }
  try {
    await access(file, constants.X_OK);
  } catch {
    return `${file} is not executable (chmod +x)`;
  }
  return whyNotInterpreted(file);
}

/** A script whose interpreter is missing fails at its start with "no such file", which names the wrong file. */
async function whyNotInterpreted(file: string): Promise<string | undefined> {
  const line = await firstLine(file);
  const interpreter = /^#!\s*(\S+)/.exec(line)?.[1];
  if (!interpreter) return undefined;
  try {
    await access(interpreter, constants.X_OK);
    return undefined;
  } catch {
    return `${file} asks for the interpreter ${interpreter}, which is not there or not executable`;
  }
}

async function firstLine(file: string): Promise<string> {
  // A program that may be executed but not read is no script.
  const handle = await open(file).catch(() => undefined);
  if (!handle) return '';
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0);
    return buffer.toString('latin1', 0, bytesRead).split('\n', 1)[0] ?? '';
  } finally {
    await handle.close();
  }
}
