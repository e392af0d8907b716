import type { FirstRun } from './run.ts';

/** A check of the first run. `docs/first-run.md` has the same titles, commands and expected results. */
export interface Check {
  title: string;
  /** The commands with which a person makes the check by hand. */
  commands: readonly string[];
  /** The expected result. */
  expected: string;
  /**
   * Makes the check.
   *
   * @returns the result, as a sentence
   * @throws Error that says what happened instead
   */
  run(run: FirstRun): Promise<string>;
}

/** @throws Error with `message` unless the condition is true */
export function assertThat(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}
