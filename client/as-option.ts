import { WrongOptionError } from './errors.ts';

/** Calls a function that refuses a value with a `RangeError`. Throws its sentence as a `WrongOptionError`. */
export function asOption<Result>(parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WrongOptionError(`${error.message}.`);
  }
}
