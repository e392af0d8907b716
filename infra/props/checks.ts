import { FleetPropsError, isDuration, show } from './refusal.ts';

/** What a value may be: said to people, and tested. */
export interface Check {
  allowed: string;
  test(value: unknown): boolean;
  /** Checks of the keys of an object, for `checkAll` to go on with. */
  keys?: Record<string, Check>;
}

/**
 * Refuses the first key of `values` that has no check or fails it. An undefined value is an absent one.
 *
 * Throws a `FleetPropsError`. Types cannot do this alone: Node runs a fleet's file without looking at them.
 */
export function checkAll(where: string, values: object, checks: Record<string, Check>, prefix = ''): void {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const check = checks[key];
    if (!check) {
      throw new FleetPropsError(
        where,
        `${prefix}${key}`,
        `not a prop (its value: ${show(value)})`,
        Object.keys(checks).join(', '),
      );
    }
    if (!check.test(value)) throw new FleetPropsError(where, `${prefix}${key}`, show(value), check.allowed);
    if (check.keys) checkAll(where, value as object, check.keys, `${prefix}${key}.`);
  }
}

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

/** A duration in seconds; `step` is the unit it must be a multiple of. */
export const duration = (min: number, max: number, step?: { seconds: number; name: string }): Check => ({
  allowed: `a Duration between ${span(min)} and ${span(max)}${step ? ` in ${step.name}` : ''}`,
  test: (value) => {
    if (!isDuration(value) || value.isUnresolved()) return false;
    const seconds = value.toSeconds({ integral: false });
    return within(seconds, min, max) && (step === undefined || seconds % step.seconds === 0);
  },
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

/** Something of aws-cdk-lib, known by a member: an app may hold a second copy of the library. */
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
