import { AwsError, type Input } from './service.ts';

/**
 * How operations read their input. JSON callers send numbers and booleans, Query callers strings for all, and an
 * empty list arrives as an empty string: these helpers accept each form. A wrong value is a `ValidationError`
 * that names the parameter and the value.
 */

/** A string; absent and empty are both undefined. */
export function text(input: Input, key: string): string | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalid(key, value, 'a string');
}

export function requiredText(input: Input, key: string): string {
  const value = text(input, key);
  if (value === undefined) throw missing(key);
  return value;
}

export function number(input: Input, key: string): number | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  const read = typeof value === 'string' ? Number(value) : value;
  if (typeof read !== 'number' || !Number.isFinite(read)) throw invalid(key, value, 'a number');
  return read;
}

export function requiredNumber(input: Input, key: string): number {
  const value = number(input, key);
  if (value === undefined) throw missing(key);
  return value;
}

export function boolean(input: Input, key: string): boolean | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (value === true || value === 'true' || value === 'True') return true;
  if (value === false || value === 'false' || value === 'False') return false;
  throw invalid(key, value, 'true or false');
}

/** A time stamp: epoch seconds (JSON), ISO 8601 (Query, REST) or a `Date` (calls from inside). */
export function date(input: Input, key: string): Date | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (value instanceof Date) return value;
  const seconds = typeof value === 'number' ? value : Number(value);
  const read = new Date(Number.isNaN(seconds) ? String(value) : seconds * 1000);
  if (Number.isNaN(read.getTime())) throw invalid(key, value, 'a time stamp');
  return read;
}

/** A list; absent and empty are both `[]`. */
export function list(input: Input, key: string): unknown[] {
  const value = input[key];
  if (value === undefined || value === null || value === '') return [];
  if (!Array.isArray(value)) throw invalid(key, value, 'a list');
  return value;
}

export function texts(input: Input, key: string): string[] {
  return list(input, key).map((item) => {
    if (typeof item === 'string' || typeof item === 'number') return String(item);
    throw invalid(key, item, 'a list of strings');
  });
}

export function structure(input: Input, key: string): Input | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (!isStructure(value)) throw invalid(key, value, 'a structure');
  return value;
}

export function structures(input: Input, key: string): Input[] {
  return list(input, key).map((item) => {
    if (isStructure(item)) return item;
    throw invalid(key, item, 'a list of structures');
  });
}

/** A map from strings to strings. */
export function textMap(input: Input, key: string): Record<string, string> {
  const value = structure(input, key) ?? {};
  return Object.fromEntries(Object.keys(value).map((name) => [name, text(value, name) ?? '']));
}

export function isStructure(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function missing(key: string): AwsError {
  return new AwsError('ValidationError', `The request must contain the parameter ${key}.`);
}

function invalid(key: string, value: unknown, expected: string): AwsError {
  return new AwsError('ValidationError', `Value ${JSON.stringify(value)} at '${key}' is not ${expected}.`);
}
