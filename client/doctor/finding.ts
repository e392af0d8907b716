import { AccessDenied, type FleetError, Throttled } from '../errors.ts';

/** Result of one check of `diagnose`. */
export interface Finding {
  check: Check;
  /** `bad`: jobs are not done, or something costs money that should not. `warn`: it can become a problem. */
  mark: 'ok' | 'warn' | 'bad';
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
  | 'jobs';

/** A resource that was read. */
export interface Seen<T> {
  seen: T;
  unseen?: undefined;
}

/** A resource that could not be read, and why. */
export interface Unseen {
  seen?: undefined;
  unseen: FleetError;
}

export type Looked<T> = Seen<T> | Unseen;

export const ok = (check: Check, text: string): Finding => ({ check, mark: 'ok', text });
export const warn = (check: Check, text: string, advice?: string, details?: string[]): Finding =>
  found(check, 'warn', text, advice, details);
export const bad = (check: Check, text: string, advice?: string, details?: string[]): Finding =>
  found(check, 'bad', text, advice, details);

function found(
  check: Check,
  mark: Finding['mark'],
  text: string,
  advice?: string,
  details: string[] = [],
): Finding {
  return {
    check,
    mark,
    text,
    ...(details.length > 0 && { details }),
    ...(advice !== undefined && { advice }),
  };
}

/** The findings of a rule on what was read. If it could not be read, one finding says why. */
export function judged<T>(check: Check, looked: Looked<T>, rule: (seen: T) => Finding[]): Finding[] {
  if (!looked.unseen) return rule(looked.seen);
  const { unseen } = looked;
  const mayBeOk = unseen instanceof AccessDenied || unseen instanceof Throttled;
  return [mayBeOk ? warn(check, `Could not be read. ${unseen.message}`) : bad(check, unseen.message)];
}

/** What was read. Undefined if it could not be. */
export function seenOf<T>(looked: Looked<T> | undefined): T | undefined {
  return looked?.seen;
}
