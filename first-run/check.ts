import type { FirstRun } from './run.ts';

/** One of the checks of a first run; `docs/first-run.md` has them in the same words. */
export interface Check {
  title: string;
  /** How a person makes it by hand. */
  commands: readonly string[];
  /** What must come of it. */
  expected: string;
  /**
   * Makes it.
   *
   * @returns what came, in a sentence
   * @throws Error that says what came instead
   */
  make(run: FirstRun): Promise<string>;
}

/** @throws Error unless it is so */
export function must(is: boolean, otherwise: string): void {
  if (!is) throw new Error(otherwise);
}
