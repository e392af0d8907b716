import { FleetError } from '../errors.ts';

/** The log was in the bucket, and is not there any more, or not all of it. */
export class LogGone extends FleetError {
  override readonly name = 'LogGone';
}

/** The job's record lists no such try. */
export class NoSuchTry extends FleetError {
  override readonly name = 'NoSuchTry';
}
