import { WrongOptionError } from './errors.ts';

/**
 * The sentence that refuses a group. Ignoring one silently would let jobs run at the same time that must not.
 *
 * @param group name of the option that was given
 * @param label name of the option that may be meant
 */
export function groupRefusal(group: string, label: string): string {
  return (
    `${group} is reserved for jobs that must not run at the same time, which no fleet supports. ` +
    `To give jobs a common name to find them by, use ${label}.`
  );
}

/** @throws WrongOptionError if the options of a call have a group */
export function refuseGroup(options: object): void {
  if ('group' in options && options.group !== undefined)
    throw new WrongOptionError(groupRefusal('`group`', '`label`'));
}
