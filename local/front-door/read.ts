import { AwsError, type Input } from './service.ts';

/**
 * Reads AWS-shaped input. In the Query protocol every scalar is a string, in JSON it has its type, and internal
 * callers use either; these functions accept all of them. A value of the wrong form is a `ValidationError`.
 */

/** A string that may be left out; an empty one counts as left out. */
export function optionalText(input: Input, key: string): string | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalid(key, value, 'a string');
}

export function text(input: Input, key: string): string {
  return optionalText(input, key) ?? missing(key);
}

/** A string out of a fixed set. */
export function optionalChoice<T extends string>(
  input: Input,
  key: string,
  allowed: readonly T[],
): T | undefined {
  const value = optionalText(input, key);
  if (value === undefined) return undefined;
  const found = allowed.find((choice) => choice === value);
  if (found === undefined) throw invalid(key, value, `one of ${allowed.join(', ')}`);
  return found;
}

export interface Bounds {
  min?: number;
  max?: number;
}

export function optionalNumber(input: Input, key: string, bounds: Bounds = {}): number | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  const number = typeof value === 'number' ? value : typeof value === 'string' ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) throw invalid(key, value, 'a number');
  const { min = -Infinity, max = Infinity } = bounds;
  if (number < min || number > max) throw invalid(key, value, `between ${min} and ${max}`);
  return number;
}

export function optionalInteger(input: Input, key: string, bounds: Bounds = {}): number | undefined {
  const number = optionalNumber(input, key, bounds);
  if (number !== undefined && !Number.isInteger(number)) throw invalid(key, number, 'an integer');
  return number;
}

export function integer(input: Input, key: string, bounds: Bounds = {}): number {
  return optionalInteger(input, key, bounds) ?? missing(key);
}

export function optionalBoolean(input: Input, key: string): boolean | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (value === true || value === 'true' || value === 'True') return true;
  if (value === false || value === 'false' || value === 'False') return false;
  throw invalid(key, value, 'true or false');
}

export function boolean(input: Input, key: string): boolean {
  return optionalBoolean(input, key) ?? missing(key);
}

/** A structure that may be left out. */
export function optionalStructure(input: Input, key: string): Input | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (isStructure(value)) return value;
  throw invalid(key, value, 'a structure');
}

/** A list of structures; empty when left out. */
export function structures(input: Input, key: string): Input[] {
  return list(input, key).map((value) => {
    if (isStructure(value)) return value;
    throw invalid(key, value, 'a list of structures');
  });
}

/** A list of strings; empty when left out. */
export function texts(input: Input, key: string): string[] {
  return list(input, key).map((value) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw invalid(key, value, 'a list of strings');
  });
}

/** A map from strings to strings; empty when left out. */
export function textMap(input: Input, key: string): Record<string, string> {
  const value = optionalStructure(input, key) ?? {};
  return Object.fromEntries(Object.keys(value).map((name) => [name, optionalText(value, name) ?? '']));
}

/** A time stamp: epoch seconds (JSON), ISO 8601 (Query, REST) or a `Date` (calls from inside). */
export function optionalDate(input: Input, key: string): Date | undefined {
  const value = input[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (value instanceof Date) return value;
  const seconds = Number(value);
  const date = new Date(Number.isNaN(seconds) ? String(value) : seconds * 1000);
  if (Number.isNaN(date.getTime())) throw invalid(key, value, 'a time stamp');
  return date;
}

/** A list of anything; empty when left out. */
export function list(input: Input, key: string): unknown[] {
  const value = input[key];
  if (value === undefined || value === null || value === '') return [];
  if (Array.isArray(value)) return value;
  throw invalid(key, value, 'a list');
}

export function isStructure(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(key: string, value: unknown, expected: string): AwsError {
  return new AwsError('ValidationError', `${key}: ${JSON.stringify(value)} is not ${expected}.`);
}

function missing(key: string): never {
  throw new AwsError('ValidationError', `${key} is required.`);
}
