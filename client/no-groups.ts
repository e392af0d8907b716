import { WrongOption } from './errors.ts';

/**
 * Why a group is refused: whoever relied on it would have jobs run together that must not.
 *
 * @param group how what was asked for is called where it was
 * @param label how what may be meant is called there
 */
export function noGroups(group: string, label: string): string {
  return (
    `${group} is for jobs that must not run at the same time, which no fleet can see to yet. ` +
    `A name that jobs share, to find them by, is ${label}.`
  );
}

/** @throws WrongOption if the options of a call have a group */
export function refuseGroup(options: object): void {
  if ('group' in options && options.group !== undefined)
    throw new WrongOption(noGroups('`group`', '`label`'));
}
