import { InvalidArgumentError } from 'commander';

/** Parses a whole number in a range, both ends included. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Allowed is a whole number ${range}.`);
  };
}

/** Parses a number of seconds, which can have a fraction. */
export function seconds(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= max) return value;
    const range = max === Number.POSITIVE_INFINITY ? `from ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Allowed is a number of seconds ${range}.`);
  };
}

/** A hundred years. ISO texts of dates before the year 0 do not sort by time. */
const LONGEST_AGO_SECONDS = 36_500 * 86_400;
const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Parses an age such as `90s`, `30m`, `2h`, `7d`. @returns seconds */
export function parseAge(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const size = UNIT_SECONDS[unit ?? ''];
  const age = Number(number) * (size ?? Number.NaN);
  if (age <= LONGEST_AGO_SECONDS) return age;
  throw new InvalidArgumentError('Allowed is a time such as 90s, 30m, 2h or 7d, at most 36500d.');
}

/** Parses an option that can be given several times, or once with commas. */
export function commaSeparated<Value extends string>(choices: readonly Value[]) {
  return (text: string, before: Value[] = []): Value[] => {
    const values = text.split(',');
    const wrong = values.find((value) => !choices.includes(value as Value));
    if (wrong !== undefined) throw new InvalidArgumentError(`Allowed are ${choices.join(', ')}.`);
    return [...before, ...(values as Value[])];
  };
}

/** Makes the parser of an option from a function that refuses a value with a `RangeError`. */
export function parsedBy<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // The message of the option has its name and the value already.
      const message = error.message.replace(/^\w+ is '[^']*': /, '');
      throw new InvalidArgumentError(`${message.charAt(0).toUpperCase()}${message.slice(1)}.`);
    }
  };
}

/** Parses the id of a job or of a message. */
export function parseId(text: string): string {
  // A shell passes an empty argument for "$id" if the variable is not set.
  if (text.trim() === '') throw new InvalidArgumentError('An id is never empty: is a variable not set?');
  return text;
}

/** Parses the name of a group. */
export function parseName(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('A name is never empty: is a variable not set?');
  return text;
}

/** Parses one of several ids. */
export function parseIds(text: string, before: readonly string[] = []): string[] {
  return [...before, parseId(text)];
}
