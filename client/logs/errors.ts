import { FleetError } from '../errors.ts';

/** The log, or a part of it, was in the log bucket and does not exist there any more. */
export class LogGoneError extends FleetError {
  override readonly name = 'LogGoneError';
}

/** The job's record has no try with this number. */
export class NoSuchTryError extends FleetError {
  override readonly name = 'NoSuchTryError';
}
