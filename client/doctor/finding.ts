import type { FleetError } from '../errors.ts';
import { AccessDenied, Throttled } from '../errors.ts';

/** What was found where somebody looked. */
export interface Finding {
  check: Check;
  /** `bad`: jobs are not done, or something bills that should not. `warn`: it will bite some day. */
  mark: 'ok' | 'warn' | 'bad';
  /** A sentence. */
  text: string;
  /** What else is known of it, a line each. */
  details?: string[];
  /** What to do: a sentence or a command. */
  advice?: string;
}

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

/** One thing that was looked at: what was seen, or why it could not be. */
export type Looked<T> = { seen: T } | { unseen: FleetError };

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

/** What a rule says of what it sees; of what nobody could see only why. */
export function judged<T>(check: Check, looked: Looked<T>, rule: (seen: T) => Finding[]): Finding[] {
  if ('seen' in looked) return rule(looked.seen);
  const { unseen } = looked;
  const mayBeWell = unseen instanceof AccessDenied || unseen instanceof Throttled;
  return [mayBeWell ? warn(check, `Could not be looked at. ${unseen.message}`) : bad(check, unseen.message)];
}

export function seenOf<T>(looked: Looked<T> | undefined): T | undefined {
  return looked && 'seen' in looked ? looked.seen : undefined;
}
