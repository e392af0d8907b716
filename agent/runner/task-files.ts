import type { Task } from './runner.ts';

/** The longest content of a file of a run, in bytes of UTF-8. Secrets Manager keeps no longer secret. */
const MAX_FILE_BYTES = 64 * 1024;

/** The variable with the path of the file that a worker may write its result to. */
export const RESULT_VARIABLE = 'MAYFLY_RESULT';

const NAME = /^(?!MAYFLY_)[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Says why a task cannot be run as it is. The values may be secret, so that the text names only the variable.
 *
 * @returns undefined if it can be run
 */
export function findTaskProblem({ variables, files = {} }: Task): string | undefined {
  for (const [name, value] of Object.entries(variables)) {
    if (value.includes('\0')) return `the variable ${JSON.stringify(name)} has a NUL character`;
  }
  for (const [name, content] of Object.entries(files)) {
    if (!NAME.test(name)) return `${JSON.stringify(name)} is not the name of a variable that can have a file`;
    if (!content.isWellFormed())
      return `the file of ${name} has no UTF-8 form: it has half of a surrogate pair`;
    const bytes = Buffer.byteLength(content);
    if (bytes > MAX_FILE_BYTES)
      return `the file of ${name} has ${bytes} bytes, and a file has at most ${MAX_FILE_BYTES}`;
  }
  return undefined;
}
