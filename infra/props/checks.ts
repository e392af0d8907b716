import { FleetPropsError, formatValue, isDuration, isSize } from './errors.ts';

export const HOUR = 3600;
export const DAY = 24 * HOUR;
export const wholeSeconds = { seconds: 1, name: 'whole seconds' };
export const wholeMinutes = { seconds: 60, name: 'whole minutes' };

/** What a value may be: a text for people, and a test. */
export interface Check {
  allowed: string;
  test(value: unknown): boolean;
  /** How a refused value is shown. Without it as `formatValue` does. */
  show?(value: unknown): string;
  /** Checks of the keys of an object, which `checkAll` applies too. */
  keys?: Record<string, Check>;
  /** The check of each value of an object with any keys, which `checkAll` applies too. */
  values?: Check;
}

/**
 * Refuses the first key of `values` that has no check or fails it. An undefined value counts as absent. The compiler's
 * checks are not enough: Node strips the types of a fleet's file without checking them.
 *
 * Throws a `FleetPropsError`.
 */
export function checkAll(where: string, values: object, checks: Record<string, Check>, prefix = ''): void {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const check = checks[key];
    if (!check) {
      throw new FleetPropsError(
        where,
        `${prefix}${key}`,
        `not a prop (its value: ${formatValue(value)})`,
        Object.keys(checks).join(', '),
      );
    }
    if (!check.test(value)) {
      const { show = formatValue, allowed } = check;
      throw new FleetPropsError(where, `${prefix}${key}`, show(value), allowed);
    }
    const keys = check.values ? sameFor(value as object, check.values) : check.keys;
    if (keys) checkAll(where, value as object, keys, `${prefix}${key}.`);
  }
}

const sameFor = (values: object, check: Check): Record<string, Check> =>
  Object.fromEntries(Object.keys(values).map((key) => [key, check]));

export const whole = (min: number, max: number): Check => ({
  allowed: `a whole number between ${min} and ${max}`,
  test: (value) => Number.isInteger(value) && within(value as number, min, max),
});

export const number = (min: number, max: number): Check => ({
  allowed: `a number between ${min} and ${max}`,
  test: (value) => typeof value === 'number' && within(value, min, max),
});

export const percentage: Check = {
  allowed: 'a whole percentage between 0 and 100',
  test: whole(0, 100).test,
};

/** A Duration between two numbers of seconds; `step` is the unit that it must be a multiple of. */
export const duration = (min: number, max: number, step?: { seconds: number; name: string }): Check => ({
  allowed: `a Duration between ${span(min)} and ${span(max)}${step ? ` in ${step.name}` : ''}`,
  test: (value) => {
    if (!isDuration(value) || value.isUnresolved()) return false;
    const seconds = value.toSeconds({ integral: false });
    return within(seconds, min, max) && (step === undefined || seconds % step.seconds === 0);
  },
});

const SIZES = { bytes: 1, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A whole number of the unit. */
export const sizeIn = (unit: keyof typeof SIZES, min: number, max: number, allowed: string): Check => ({
  allowed,
  test: (value) => isSize(value) && whole(min, max).test(value.toBytes() / SIZES[unit]),
});

export const flag: Check = { allowed: 'true or false', test: (value) => typeof value === 'boolean' };

export const oneOf = (...values: string[]): Check => ({
  allowed: values.map((value) => JSON.stringify(value)).join(', '),
  test: (value) => typeof value === 'string' && values.includes(value),
});

export const text = (allowed: string, pattern: RegExp): Check => ({
  allowed,
  test: (value) => typeof value === 'string' && pattern.test(value),
});

/** A program and its arguments. */
export const commandCheck: Check = {
  allowed: 'a list of at least one word, none of them empty',
  test: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((word) => typeof word === 'string' && word !== ''),
};

/** An object of aws-cdk-lib. It is recognised by a member, as an app may contain a second copy of the library. */
export const having = (allowed: string, member: string): Check => ({
  allowed,
  test: (value) => isObject(value) && member in value,
});

export const object = (keys: Record<string, Check>): Check => ({
  allowed: `an object of ${Object.keys(keys).join(', ')}`,
  test: isObject,
  keys,
});

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const within = (value: number, min: number, max: number): boolean => value >= min && value <= max;

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const;

function span(seconds: number): string {
  const [size, unit] = UNITS.find(([size]) => seconds >= size && seconds % size === 0) ?? [1, 'second'];
  const amount = seconds / size;
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}
