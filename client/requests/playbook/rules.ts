/** A keyword or a variable of Ansible that means something else when a playbook runs once for each server. */
export type PlaybookKeyword =
  | 'run_once'
  | 'serial'
  | 'max_fail_percentage'
  | 'any_errors_fatal'
  | 'throttle'
  | 'order'
  | 'strategy'
  | 'hosts'
  | 'delegate_to'
  | 'hostvars'
  | 'groups'
  | 'ansible_play_hosts';

/** What it means then. */
const MEANINGS: Record<PlaybookKeyword, string> = {
  run_once: 'It runs once for each server, because each run has one server.',
  serial: 'It has no effect, because each run has one server. The batches of the request take its place.',
  max_fail_percentage:
    'It has no effect on other servers, because each run has one. The request has a share of failures at which it stops.',
  any_errors_fatal: 'It ends the run of the server that failed, and not those of the others.',
  throttle: 'It bounds nothing, because each run has one server. The lanes of the group take its place.',
  order:
    'It has no effect, because each run has one server. The request runs them in the order of its targets.',
  strategy: 'It waits for a person, and a worker has none.',
  hosts: 'This play does not run, because a run is limited to its server.',
  delegate_to:
    'Runs of several servers can do this to the other host at once. Only a group with one lane keeps them apart.',
  hostvars: 'Facts and registered variables of other hosts are missing, because each run has one server.',
  groups:
    'The group has all of its hosts, but each run has one: the others have no facts, and may have run or not.',
  ansible_play_hosts: 'It has one server, because each run has one.',
};

export const meaningOf = (keyword: PlaybookKeyword): string => MEANINGS[keyword];

const LOCALHOST = /^\s*(localhost|127\.0\.0\.1|::1)\s*$/;
const SELF = /^\s*\{\{\s*inventory_hostname\s*\}\}\s*$/;

/** Keywords that plays, blocks, roles and tasks can have. */
const OF_ALL: Partial<Record<string, (value: unknown) => boolean>> = {
  run_once: isOn,
  any_errors_fatal: isOn,
  throttle: (value) => value !== 0,
  max_fail_percentage: () => true,
  delegate_to: (value) => typeof value === 'string' && !LOCALHOST.test(value) && !SELF.test(value),
};

const OF_PLAYS: Partial<Record<string, (value: unknown) => boolean>> = {
  ...OF_ALL,
  serial: () => true,
  order: (value) => value !== 'inventory',
  strategy: (value) => typeof value === 'string' && /(^|\.)debug$/.test(value),
  hosts: (value) => typeof value === 'string' && LOCALHOST.test(value),
};

/** A template decides at run time: it is reported. */
function isOn(value: unknown): boolean {
  return value !== false && value !== null;
}

/** The keyword, if this key with this value is one that changes its meaning. */
export function findKeyword(key: string, value: unknown, isPlay: boolean): PlaybookKeyword | undefined {
  const rules = isPlay ? OF_PLAYS : OF_ALL;
  return Object.hasOwn(rules, key) && rules[key]?.(value) ? (key as PlaybookKeyword) : undefined;
}
