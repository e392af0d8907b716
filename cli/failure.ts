import { ExitCode } from './exit-code.ts';

/** What a person did not cause by wrong usage, and can do something about: shown as its sentence, without a stack. */
export class Failure extends Error {
  /** What `mayfly` exits with. */
  readonly status: number;

  constructor(message: string, status: number = ExitCode.failed) {
    super(message);
    this.status = status;
  }
}
