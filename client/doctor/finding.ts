import { AccessDeniedError, type FleetError, ThrottledError } from '../errors.ts';

/** Result of one check of `diagnose`. */
export interface Finding {
  check: Check;
  /** `bad`: jobs are not done, or something costs money that should not. `warn`: it can become a problem. */
  status: 'ok' | 'warn' | 'bad';
  /** A sentence, or for `ok` a clause. */
  text: string;
  /** More that is known, a line each. */
  details?: string[];
  /** What to do: a sentence or a command. */
  advice?: string;
}

/** What was checked. */
export type Check =
  | 'found'
  | 'queue'
  | 'dead letters'
  | 'table'
  | 'log bucket'
  | 'group'
  | 'network'
  | 'scaling policy'
  | 'hooks'
  | 'launches'
  | 'alarms'
  | 'keeper'
  | 'instances'
  | 'jobs'
  | 'job groups';

/** A resource that was read. */
export interface ReadSuccess<T> {
  value: T;
  error?: undefined;
}

/** A resource that could not be read, and why. */
export interface ReadFailure {
  value?: undefined;
  error: FleetError;
}

export type ReadResult<T> = ReadSuccess<T> | ReadFailure;

export const ok = (check: Check, text: string): Finding => ({ check, status: 'ok', text });
export const warn = (check: Check, text: string, advice?: string, details?: string[]): Finding =>
  found(check, 'warn', text, advice, details);
export const bad = (check: Check, text: string, advice?: string, details?: string[]): Finding =>
  found(check, 'bad', text, advice, details);

function found(
  check: Check,
  status: Finding['status'],
  text: string,
  advice?: string,
  details: string[] = [],
): Finding {
  return {
    check,
    status,
    text,
    ...(details.length > 0 && { details }),
    ...(advice !== undefined && { advice }),
  };
}

/** The findings of a rule on what was read. If it could not be read, one finding says why. */
export function checkRead<T>(check: Check, looked: ReadResult<T>, rule: (seen: T) => Finding[]): Finding[] {
  if (!looked.error) return rule(looked.value);
  const { error } = looked;
  const mayBeOk = error instanceof AccessDeniedError || error instanceof ThrottledError;
  return [mayBeOk ? warn(check, `Could not be read. ${error.message}`) : bad(check, error.message)];
}

/** What was read. Undefined if it could not be. */
export function readValue<T>(looked: ReadResult<T> | undefined): T | undefined {
  return looked?.value;
}
