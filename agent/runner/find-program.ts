import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { WorkerMissingError } from './runner.ts';

/**
 * Finds the program of a fleet's command. A name with a slash is a path relative to the worker directory; any other name
 * is looked up on the worker's `PATH`, as a shell does.
 *
 * @returns the program's absolute path
 * @throws WorkerMissingError saying what is missing or not executable
 */
export async function findProgram(name: string, workerDirectory: string, path: string): Promise<string> {
  if (name.includes('/')) {
    const file = resolve(workerDirectory, name);
    const problem = await findProblem(file);
    if (problem) throw new WorkerMissingError(name, problem);
    return file;
  }
  for (const directory of path.split(delimiter)) {
    const file = join(directory || '.', name);
    if ((await findProblem(file)) === undefined) return file;
  }
  throw new WorkerMissingError(name, `there is no such program on PATH (${path})`);
}

/** Returns why a file cannot be run; undefined if it can. */
async function findProblem(file: string): Promise<string | undefined> {
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
  return findInterpreterProblem(file);
}

/** If a script's interpreter is missing, the system's error is "no such file" with the script's name. */
async function findInterpreterProblem(file: string): Promise<string | undefined> {
  const line = await readFirstLine(file);
  const interpreter = /^#!\s*(\S+)/.exec(line)?.[1];
  if (!interpreter) return undefined;
  try {
    await access(interpreter, constants.X_OK);
    return undefined;
  } catch {
    return `${file} asks for the interpreter ${interpreter}, which is not there or not executable`;
  }
}

async function readFirstLine(file: string): Promise<string> {
  // A program that may be executed but not read is not a script.
  const handle = await open(file).catch(() => undefined);
  if (!handle) return '';
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0);
    return buffer.toString('latin1', 0, bytesRead).split('\n', 1)[0] ?? '';
  } finally {
    await handle.close();
  }
}
