import { ExitCode } from './exit-code.ts';

/** An error for the user. It is shown as its message, without a stack trace. */
export class CliError extends Error {
  /** The exit status of `mayfly`. */
  readonly status: number;

  constructor(message: string, status: number = ExitCode.failed) {
    super(message);
    this.status = status;
  }
}
